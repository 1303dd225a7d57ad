"""What a recipe of many assets costs before anything is done: reading it, and finding what is out of date.

python benchmarks/open_recipe.py      (seconds of the processor, which a busy machine changes little)
"""

import os
import tempfile
import time
from pathlib import Path

import many_assets


def main() -> None:
    """Measure and print."""
    from pipelines.execution import status
    from pipelines.pipeline import Pipeline

    for students in (1, 50, 100, 200, 498):  # the first one pays for imports and for parsing the product's modules
        with tempfile.TemporaryDirectory() as folder:
            many_assets.write(Path(folder), students)
            os.environ |= many_assets.environment(Path(folder))
            begun = time.process_time()
            pipeline = Pipeline.open("many")
            opened = time.process_time()
            found = status.of_pipeline(pipeline)
            asked = time.process_time()
        print(f"{len(found):5} assets   opened in {opened - begun:.2f} s   status {asked - opened:.2f} s")


if __name__ == "__main__":
    main()
