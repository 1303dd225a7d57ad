"""What the orchestration costs: a whole run through Dagster and MLflow against the same stages in one plain script.

    python benchmarks/overhead.py [--recipe digits] [--runs 3]

Each side is a process of its own, imports counted, the two in turn; the ratio is the median of the pairs' ratios.
The product starts from an empty home with Dagster's and MLflow's databases, as after its first start; what that first
start costs once is printed beside it.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from process_time import seconds

_PREPARE = """
from pipelines.lineage import connection
from pipelines.orchestration import instance
from pipelines.state import home
connection.prepare(home.current())
with instance.opened(home.current()):
    pass
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="digits")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        template = Path(scratch) / "template"
        first_start = seconds([sys.executable, "-c", _PREPARE], {"COMPRESSION_HOME": str(template)})
        pairs = [_pair(arguments.recipe, template, Path(scratch) / f"home{run}") for run in range(arguments.runs)]
    for product, plain in pairs:
        print(f"product {product:6.2f} s   plain script {plain:6.2f} s   ratio {product / plain:.3f}")
    print(f"median ratio {statistics.median(product / plain for product, plain in pairs):.3f}")
    print(f"making both databases, once for each home: {first_start:.2f} s")


def _pair(recipe: str, template: Path, home: Path) -> tuple[float, float]:
    shutil.copytree(template, home)
    variables = {"COMPRESSION_HOME": str(home)}
    product = seconds([sys.executable, "-m", "pipelines.cli.main", "run", recipe, "--json"], variables)
    plain = seconds([sys.executable, str(Path(__file__).parent / "plain_script.py"), recipe], variables)
    return product, plain


if __name__ == "__main__":
    main()
