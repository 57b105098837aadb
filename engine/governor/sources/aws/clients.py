"""The only place where a client of AWS is made: each may send nothing but the reads of `reads.READS`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from governor.errors import CANNOT_JUDGE, Refusal
from governor.sources.aws.reads import is_read, session_policy

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import Credentials
    from botocore.loaders import Loader
    from botocore.model import OperationModel

HOME_REGION = "us-east-1"
"""Where services are asked that have no region of their own."""

CONNECTIONS = 32
"""Requests at once to one service of one region of one account."""

TIMEOUT = 30
"""Seconds that AWS may be silent before a request is sent again."""

TRIES = 8
"""How often a request is sent at most."""

_SESSION_NAME = "governor-scan"

_Answer = TypeVar("_Answer")


class NotARead(Exception):  # noqa: N818
    """An operation that changes something, or that no scan needs. It was not sent."""


class Clients:
    """Clients with one set of credentials, one for each (region, service). Any thread may ask and use them.

    Each paces itself: botocore's adaptive retries slow a client down that AWS throttles.
    """

    def __init__(self, credentials: Credentials | None = None, loader: Loader | None = None) -> None:
        """The caller's own credentials, unless others are given. A `loader` keeps the services' models it has read."""
        boto3, session = _libraries()
        self._core = session.Session()
        if loader is not None:
            self._core.register_component("data_loader", loader)
        if credentials is not None:
            self._core._credentials = credentials
        self._session = boto3.Session(botocore_session=self._core)
        self._clients: dict[tuple[str, str], BaseClient] = {}
        self._offered: dict[tuple[str, str], frozenset[str]] = {}
        self._lock = threading.Lock()

    def get(self, service: str, region: str) -> Any:
        """The client of a service, by botocore's name, in a region."""
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._make(service, region)
            return client

    def _make(self, service: str, region: str) -> BaseClient:
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=TIMEOUT,
            retries={"mode": "adaptive", "total_max_attempts": TRIES},
            max_pool_connections=CONNECTIONS,
            user_agent_extra="governor",
        )
        client: BaseClient = self._session.client(service, region_name=region, config=config)
        client.meta.events.register_first("before-call", _refuse_all_but_reads)
        return client

    def offers(self, service: str, partition: str, region: str) -> bool:
        """Whether a service, by botocore's name, may be in a region: for all that botocore knows of AWS, it is.

        A region that botocore does not know may have everything.
        """
        return region not in self._regions("ec2", partition) or region in self._regions(service, partition)

    def _regions(self, service: str, partition: str) -> frozenset[str]:
        if (service, partition) not in self._offered:
            found = self._core.get_available_regions(service, partition)
            self._offered[service, partition] = frozenset(found)
        return self._offered[service, partition]

    def account(self) -> tuple[str, str]:
        """(account, partition) that the credentials belong to."""
        identity = self.get("sts", HOME_REGION).get_caller_identity()
        return identity["Account"], identity["Arn"].split(":")[1]

    def of_role(self, role: str, external_id: str | None) -> Clients:
        """Clients with the rights of a role (its ARN), narrowed to the reads of a scan."""
        from botocore.credentials import RefreshableCredentials

        known = {"ExternalId": external_id} if external_id else {}

        def assume() -> dict[str, str]:
            answer = self.get("sts", HOME_REGION).assume_role(
                RoleArn=role, RoleSessionName=_SESSION_NAME, Policy=session_policy(), **known
            )
            given = answer["Credentials"]
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": given["Expiration"].isoformat(),
            }

        credentials = RefreshableCredentials.create_from_metadata(assume(), refresh_using=assume, method="assume-role")
        return Clients(credentials, self._core.get_component("data_loader"))


def _refuse_all_but_reads(model: OperationModel, **_: Any) -> None:
    """botocore calls this with every request that it has made up, before it opens a connection for it."""
    service = model.service_model.service_name
    if not is_read(service, model.name):
        raise NotARead(f"{service}:{model.name} is not among the reads of a scan, and was not sent")


def _libraries() -> tuple[Any, Any]:
    try:
        import boto3
        from botocore import session
    except ImportError:
        raise Refusal("AWS is read with boto3: pip install 'gpu-governor[aws]'") from None
    return boto3, session


def errors() -> tuple[type[Exception], ...]:
    """What botocore raises when AWS refuses, is not reached, or is not understood."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def reason(error: Exception) -> str:
    """Why an answer is missing, for a person: `GetBucketTagging: AccessDenied`."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "an error without a code")
        return f"{error.operation_name}: {code}{_clock(code, error.response)}"
    return f"the answer cannot be read ({type(error).__name__})"


def _clock(code: str, response: Any) -> str:
    """What is said of this machine's clock where AWS refuses a request for its time: botocore sets no clock right."""
    if code not in _OF_CLOCKS:
        return ""
    try:
        theirs = parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
        minutes = round((datetime.now(UTC) - theirs).total_seconds() / 60)
    except (KeyError, TypeError, ValueError):
        return ""
    if not minutes:
        return ""
    where = "ahead of" if minutes > 0 else "behind"
    return f" (the clock of this machine is {abs(minutes)} minutes {where} AWS': set it)"


_OF_CLOCKS = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""Codes that services have for a request whose time is wrong, some of them for other things, too."""


def unless_not_offered(pages: Iterable[_Answer]) -> Iterator[_Answer]:
    """Pages of a list, none where the region lacks the operation: then it has nothing to list.

    AWS answers so in regions with a part of a service only: https://github.com/hashicorp/terraform-provider-aws/pull/27258.
    """
    from botocore.exceptions import ClientError

    try:
        yield from pages
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "UnknownOperationException":
            raise


def or_refuse(question: Callable[[], _Answer], what: str) -> _Answer:
    """The answer to a question without which nothing can be scanned."""
    try:
        return question()
    except errors() as error:
        raise Refusal(f"{what}: {reason(error)}", code=CANNOT_JUDGE) from None
