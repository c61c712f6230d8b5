"""Whether shipping compiled bytecode of the app makes its first import faster, from the files as they are deployed.

The package folder in Azure is read-only, so Python compiles what came without bytecode at every cold start. Three
deployments of the same files take turns in fresh interpreters: nothing compiled; the libraries compiled, as `pip install`
leaves them; the app compiled as well. `python benchmarks/bytecode.py [--runs N]`
"""

import argparse
import compileall
import py_compile
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
# An odd number, so that the median is a run that happened; enough to outvote the machine's other work.
RUN_COUNT = 9
IMPORT_TIMEOUT_S = 60
# A worker imports and indexes; -S and -B: no packages but those of the deployment, and nothing is written back.
MEASURE = """
import sys, time
sys.path[:0] = sys.argv[1:]
began_s = time.perf_counter()
import function_app
function_app.app.get_functions()
print((time.perf_counter() - began_s) * 1000)
"""
LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
import function_app
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def library_names(app: Path) -> list[str]:
    """Top-level names that the app's import loads, libraries and all."""
    said = subprocess.run(
        [sys.executable, "-B", "-c", LOADED, str(app)],
        check=True,
        capture_output=True,
        text=True,
        timeout=IMPORT_TIMEOUT_S,
    )
    return said.stdout.split()


def copy_libraries(app: Path, target: Path) -> None:
    """The libraries that the import loads, without bytecode, in a folder of their own."""
    installed = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    names = library_names(app)
    target.mkdir()
    for name in names:
        for found in (
            installed / name,
            *installed.glob(f"{name}.py"),
            *installed.glob(f"{name}.*.so"),
        ):
            if found.is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(found, target / name, ignore=ignore)
            elif found.is_file():
                shutil.copy2(found, target)


def compiled(folder: Path) -> None:
    """Bytecode that is taken without a look at the source: a package does not keep its files' times."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    if not compileall.compile_dir(folder, quiet=1, invalidation_mode=mode):
        raise SystemExit(f"{folder} does not compile")


def import_ms(*folders: Path) -> float:
    """Milliseconds to import and index the app of these folders, in a new interpreter."""
    said = subprocess.run(
        [sys.executable, "-S", "-B", "-c", MEASURE, *map(str, folders)],
        check=True,
        capture_output=True,
        text=True,
        timeout=IMPORT_TIMEOUT_S,
        env={},
    )
    return float(said.stdout)


def deployments(folder: Path) -> dict[str, tuple[Path, Path]]:
    """What is compared, by name: the folder of the app and the one of its libraries."""
    app, libraries = folder / "app", folder / "libraries"
    subprocess.run([ROOT / ".ci" / "package", app], check=True, capture_output=True)
    copy_libraries(app, libraries)
    shutil.copytree(libraries, folder / "libraries-compiled")
    shutil.copytree(app, folder / "app-compiled")
    compiled(folder / "libraries-compiled")
    compiled(folder / "app-compiled")
    return {
        "nothing compiled": (app, libraries),
        "libraries compiled": (app, folder / "libraries-compiled"),
        "app compiled too": (folder / "app-compiled", folder / "libraries-compiled"),
    }


def medians_ms(run_count: int) -> dict[str, float]:
    """Medians by deployment, measured in turns so that a busy moment meets all of them."""
    with tempfile.TemporaryDirectory(prefix="bascule-bytecode-") as folder:
        compared = deployments(Path(folder))
        for folders in compared.values():
            import_ms(*folders)  # once before the count, so that every file is in memory
        runs = [
            {name: import_ms(*folders) for name, folders in compared.items()}
            for _ in range(run_count)
        ]
    return {name: statistics.median(run[name] for run in runs) for name in compared}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bytecode", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUN_COUNT, help="fresh interpreters for each")
    found_ms = medians_ms(parser.parse_args().runs)
    for name, median_ms in found_ms.items():
        print(f"{name:20}{median_ms:7.0f} ms")
    none_ms, libraries_ms, both_ms = found_ms.values()
    print(f"ratio of the libraries {libraries_ms / none_ms:5.2f}")
    print(f"ratio of the app       {both_ms / libraries_ms:5.2f}")


if __name__ == "__main__":
    main()
