"""The `dagster.yaml` of a new home, and those that former versions wrote."""

_TELEMETRY = """\
# Written once; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
"""
_POOLS = """\
# A pool is what one machine can do at a time: no two trainings, and no benchmark beside a training.
concurrency:
  pools:
    default_limit: 1
    granularity: op
# Frees what a killed run held.
run_monitoring:
  enabled: true
  free_slots_after_run_end_seconds: 30
"""
_RETENTION = """\
# Dagster keeps the ticks of schedules and sensors for good otherwise; runs go by `compression gc`.
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 7, success: 30, failure: 30}
  auto_materialize:
    purge_after_days: {skipped: 7, success: 30, failure: 30}
"""

PRESENT = _TELEMETRY + _POOLS + _RETENTION
FORMER = (_TELEMETRY, _TELEMETRY + _POOLS)

# What a home has to have: the section, and what happens without it.
NEEDED = {"concurrency": "two trainings may run at a time", "retention": "Dagster keeps every tick for good"}
