"""The errors that Fenliu raises on purpose.

FenliuError
├── InvalidInput      something a caller sent cannot be taken; names the field
├── NotFound          a resource that was asked for does not exist
├── ConfigurationError  a setting, file or port of this installation is unusable
│   ├── TaxonomyError
│   ├── RuleError     red flags, questions or lexicon
│   └── BundleError
├── CorpusError       labelled data breaks the corpus rules
├── GateError         a trained model may not be released
└── StoreUnavailable  the decision store cannot be written or read now

Each message says what happened, the value that caused it where that is no personal data, and what
to do. `slug` is the stable last part of the problem type that the API answers with.
"""


class FenliuError(Exception):
    """Base of all errors that are meant for the reader; the message is one line."""

    slug = "internal"


class InvalidInput(FenliuError):
    """A value from outside cannot be taken. `field` is its path, such as `texts[3].text`."""

    slug = "invalid-input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class TextTooLong(InvalidInput):
    """A narrative is longer than the limit."""

    slug = "text-too-long"


class NotFound(FenliuError):
    """A resource does not exist."""

    slug = "not-found"


class ConfigurationError(FenliuError):
    """This installation cannot work as it is set up."""

    slug = "misconfigured"


class TaxonomyError(ConfigurationError):
    """The two item lists cannot be read or contradict themselves."""


class RuleError(ConfigurationError):
    """A red flag, question or lexicon file cannot be used."""


class BundleError(ConfigurationError):
    """A model bundle is missing, damaged, of an unknown format or for another taxonomy."""


class CorpusError(FenliuError):
    """Labelled narratives break the rules of the corpus."""

    slug = "corpus"


class GateError(FenliuError):
    """A trained model failed a check that stands between training and release."""

    slug = "gate"


class StoreUnavailable(FenliuError):
    """The decision store cannot be reached or written."""

    slug = "store-unavailable"
