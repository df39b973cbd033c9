"""Run the notebooks and keep their outputs, with nothing of this machine or this hour in them.

`uv run just keep-notebooks` after a change of the corpus, the model code or a notebook;
`tests/test_notebooks.py` says what a kept notebook must be like.
"""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def main() -> None:
    """Run every notebook in its folder, and write it back with its outputs."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(
            notebook,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": path.parent}},
        ).execute()
        notebook.metadata = nbformat.from_dict(METADATA)
        nbformat.write(notebook, path)
        print(f"{path.name} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
