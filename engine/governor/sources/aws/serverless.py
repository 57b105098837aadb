"""Lambda functions that hold AI keys, and what Bedrock runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governor.catalog import endpoints
from governor.model import Resource
from governor.sources.aws.shards import Reader, Tags
from governor.sources.terraform_plan.secrets import keys_in


def functions(reader: Reader) -> Iterator[Resource]:
    """Only those in whose environment a key stands: where it stands is told, never what it is."""
    client = reader.client("lambda")
    for each in reader.list("lambda", "list_functions", "Functions"):
        environment = each.get("Environment", {})
        if error := environment.get("Error"):
            reader.missing(f"environment of {each['FunctionName']} not read: {error.get('ErrorCode', 'an error')}")
        holds = {"environment": environment.get("Variables", {})}
        if any(True for _ in keys_in(holds)):
            arn = each["FunctionArn"]
            tags = reader.tags(lambda arn=arn: client.list_tags(Resource=arn)["Tags"])  # type: ignore[misc]
            yield reader.resource("aws_lambda_function", arn, tags, holds=holds)


def bedrock(reader: Reader) -> Iterator[Resource]:
    yield from _throughputs(reader)
    yield from _profiles(reader)
    yield from _customizations(reader)
    yield from _custom_models(reader)
    yield from _imported_models(reader)


def _tags(reader: Reader, arn: str) -> Tags:
    client = reader.client("bedrock")
    return reader.tags(lambda: client.list_tags_for_resource(resourceARN=arn)["tags"])


def _model(model: str) -> dict[str, Any]:
    processing = endpoints.processing_of_model("aws", model)
    return {"model": model, **({"processing": processing} if processing else {})}


def _throughputs(reader: Reader) -> Iterator[Resource]:
    operation, key = "list_provisioned_model_throughputs", "provisionedModelSummaries"
    for each in reader.list("bedrock", operation, key):
        arn = each["provisionedModelArn"]
        yield reader.resource(
            "aws_bedrock_provisioned_model_throughput",
            arn,
            _tags(reader, arn),
            attributes={**_model(each["modelArn"]), "units": each["modelUnits"]},
            state=each["status"],
            created_at=each["creationTime"].isoformat(),
            unknown={"hourly_usd": "the price book has no prices of model units"},
        )


def _profiles(reader: Reader) -> Iterator[Resource]:
    operation, key = "list_inference_profiles", "inferenceProfileSummaries"
    for each in reader.list("bedrock", operation, key, typeEquals="APPLICATION"):
        arn, models = each["inferenceProfileArn"], each["models"]
        yield reader.resource(
            "aws_bedrock_inference_profile",
            arn,
            _tags(reader, arn),
            attributes=_model(models[0]["modelArn"]) if models else {},
            state=each["status"],
        )


def _customizations(reader: Reader) -> Iterator[Resource]:
    operation, key = "list_model_customization_jobs", "modelCustomizationJobSummaries"
    for each in reader.list("bedrock", operation, key, statusEquals="InProgress"):
        arn = each["jobArn"]
        yield reader.resource(
            "aws_bedrock_custom_model",
            arn,
            _tags(reader, arn),
            attributes={"model": each["baseModelArn"]},
            state=each["status"],
            created_at=each["creationTime"].isoformat(),
        )


def _custom_models(reader: Reader) -> Iterator[Resource]:
    for each in reader.list("bedrock", "list_custom_models", "modelSummaries", isOwned=True):
        arn = each["modelArn"]
        yield reader.resource(
            "aws_bedrock_custom_model",
            arn,
            _tags(reader, arn),
            attributes={"model": each["baseModelArn"]},
            state=each.get("modelStatus"),
            created_at=each["creationTime"].isoformat(),
        )


def _imported_models(reader: Reader) -> Iterator[Resource]:
    """They stand in no plan. Bedrock serves them on demand, by their ARN."""
    for each in reader.list("bedrock", "list_imported_models", "modelSummaries"):
        arn = each["modelArn"]
        yield reader.resource(
            "aws_bedrock_imported_model",
            arn,
            _tags(reader, arn),
            kind="model_deployment",
            attributes=_model(arn),
            created_at=each["creationTime"].isoformat(),
        )
