# The few verbs of a developer: `uv run just`.

_list:
    @just --list

# everything CI checks but the tests
check:
    uv run ruff format --check .
    uv run ruff check .
    uv run mypy
    uv run fenliu corpus check

# put code into shape
format:
    uv run ruff format .
    uv run ruff check --fix .

test *arguments:
    uv run pytest {{arguments}}

# run the notebooks as CI does
notebooks:
    uv run --group notebooks pytest --nbmake notebooks

# run the notebooks and keep their outputs, to be committed
keep-notebooks:
    uv run --group notebooks python scripts/notebooks.py

serve *arguments:
    uv run fenliu serve {{arguments}}

# run the stages of dvc.yaml that need it
train:
    uv run dvc repro

# take the newest versions of all dependencies and pin them in pyproject.toml
pin:
    uv run --no-project python scripts/pin.py
