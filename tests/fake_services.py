"""What moto lacks of AWS: answers of our own, held against botocore's model of the service as the questions are.

Requests are read, and answers written, by the parsers and serializers that moto has for the protocols of AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore import session
from botocore.model import ListShape, OperationModel, Shape, StringShape, StructureShape
from botocore.validate import validate_parameters
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict

import fault_proxy

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""What AWS answers; or what makes it of what is asked."""

LACKING: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "bedrock": {
        "ListImportedModels": {"modelSummaries": []},
        "ListInferenceProfiles": {"inferenceProfileSummaries": []},
        "ListProvisionedModelThroughputs": {"provisionedModelSummaries": []},
    },
    "ec2": {"DescribeCapacityReservations": {"CapacityReservations": []}},
    "sagemaker": {"ListApps": {"Apps": []}, "ListSpaces": {"Spaces": []}},
}
"""Operations that moto does not know, and what they answer where there is nothing."""

_CREDENTIAL = re.compile(r"Credential=[^/]+/[0-9]+/([^/]+)/([^/]+)/")


class Wrong(Exception):  # noqa: N818
    """A word that AWS does not have in that place."""


class Services:
    """Answers for some operations; `answer` is a proxy's `stand_in`."""

    def __init__(self) -> None:
        self._models = session.get_session()
        self._answers: dict[tuple[str, str, str], Answer] = {}
        for service, operations in LACKING.items():
            for operation, nothing in operations.items():
                self.add(service, operation, nothing, "*")

    def add(self, service: str, operation: str, answer: Answer, region: str = "us-east-1") -> None:
        """Answer an operation, by botocore's name, in a region.

        Raises what botocore raises, or Wrong, where that is no answer of AWS.
        """
        if not callable(answer):
            self._hold(answer, self._model(service, operation).output_shape)
        self._answers[service, operation, region] = answer

    def answer(self, request: fault_proxy.Request) -> fault_proxy.Reply | None:
        credential = _CREDENTIAL.search(request.headers.get("Authorization", ""))
        if credential is None:
            return None
        region, service = credential.groups()
        for (of, operation, where), answer in reversed(self._answers.items()):
            if of == service and where in (region, "*"):
                asked = self._asked(service, operation, request)
                if asked is not None:
                    return self._reply(service, operation, asked, answer)
        return None

    def _asked(self, service: str, operation: str, request: fault_proxy.Request) -> dict[str, Any] | None:
        """What an operation is asked; None when the request is of another one."""
        model = get_service_model(service).operation_model(operation)
        url = urlsplit(request.path)
        query = url.query if model.service_model.protocol.startswith("rest") else request.body.decode()
        values = MultiDict(parse_qsl(query, keep_blank_values=True))
        in_path: dict[str, str] = {}
        if model.service_model.protocol.startswith("rest"):
            template = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(model.http["requestUri"]))
            found = re.fullmatch(template, url.path)
            if found is None or request.method != model.http["method"]:
                return None
            in_path = {name: unquote(value) for name, value in found.groupdict().items()}
        elif operation not in (values.get("Action"), request.headers.get("X-Amz-Target", "").rpartition(".")[2]):
            return None
        parser = PROTOCOL_PARSERS[str(model.service_model.protocol)](model)
        asked: dict[str, Any] = parser.parse(
            {"method": request.method, "values": values, "headers": request.headers, "body": request.body,
             "url_path": url.path, "url_params": in_path}
        )  # fmt: skip
        self._hold(asked, self._model(service, operation).input_shape)
        return asked

    def _reply(self, service: str, operation: str, asked: dict[str, Any], answer: Answer) -> fault_proxy.Reply:
        said = answer(asked) if callable(answer) else answer
        self._hold(said, self._model(service, operation).output_shape)
        model = get_service_model(service).operation_model(operation)
        written = get_serializer_class(service, str(model.service_model.protocol))(model).serialize(said)
        body = written["body"]
        return fault_proxy.Reply(written["status_code"], body if isinstance(body, bytes) else str(body).encode())

    def _model(self, service: str, operation: str) -> OperationModel:
        return self._models.get_service_model(service).operation_model(operation)

    @staticmethod
    def _hold(values: Mapping[str, Any], shape: Shape | None) -> None:
        """Hold what is asked or said against a model: members, types, and words that are one of a list."""
        if shape is not None:
            validate_parameters(dict(values), shape)
            _hold_words(values, shape)


def _hold_words(value: Any, shape: Shape) -> None:
    match shape:
        case StructureShape():
            for name, member in value.items():
                _hold_words(member, shape.members[name])
        case ListShape():
            for each in value:
                _hold_words(each, shape.member)
        case StringShape() if shape.enum and value not in shape.enum and not shape.name.endswith("InstanceType"):
            # A type of instances may be newer than botocore.
            raise Wrong(f"{value} is no {shape.name}")
