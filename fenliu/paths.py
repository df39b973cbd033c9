"""Where the files of a checkout live."""

from pathlib import Path

HOME = Path(__file__).resolve().parent.parent

DATA = HOME / "data"
TAXONOMY = DATA / "taxonomy.yaml"
RED_FLAGS = DATA / "red_flags.yaml"
QUESTIONS = DATA / "questions.yaml"
LEXICON = DATA / "lexicon.txt"
CORPUS = DATA / "corpus"

MODELS = HOME / "models"
BUNDLE = MODELS / "bundle"
STAGES = MODELS / "stages"
REPORTS = HOME / "reports"
PARAMS = HOME / "params.yaml"
