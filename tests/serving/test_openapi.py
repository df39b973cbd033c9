"""The service keeps what its OpenAPI description says, whatever is sent."""

from collections.abc import Callable

import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = 15
schemathesis.serializer.alias("application/x-ndjson", "text/plain")


def test_every_route_keeps_its_description(
    serve: Callable[..., str], new_key: Callable[..., dict[str, str]]
) -> None:
    key = new_key("predict", "read", "admin")
    schema = schemathesis.openapi.from_url(f"http://{serve()}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {"/v1/predict", "/v1/predict/batch", "/readyz"} <= {o.path for o in operations}
    for operation in operations:

        @hypothesis_settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def keeps(case: schemathesis.Case) -> None:
            # A schema cannot say that a narrative needs a word in it, or an address a public host.
            case.call_and_validate(headers=key, excluded_checks=[positive_data_acceptance])

        keeps()
