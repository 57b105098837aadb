"""What Terraform, its providers and the modules they run see of the environment: a list of names, nothing else.

A provider is a program of somebody else: the token that may write to the pull request is none of its business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from governor.errors import Refusal

PASSED = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "SYSTEMROOT", "PATHEXT", "COMSPEC",
    "TMPDIR", "TMP", "TEMP", "TZ", "LANG", "XDG_CONFIG_HOME",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS",
    "KUBECONFIG", "KUBE_CONFIG_PATH",
    "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
})  # fmt: skip
"""The two of ACTIONS are how the azurerm provider signs in without a secret: `ARM_USE_OIDC`."""

PASSED_PREFIXES = (
    "TF_", "AWS_", "ARM_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "VAULT_", "GIT_CONFIG_", "LC_",
)  # fmt: skip

WITHHELD_PREFIXES = ("TF_CLI_ARGS", "TF_LOG", "TF_REATTACH_PROVIDERS", "TF_WORKSPACE", "TF_INPUT")
"""A log holds every request with its secrets; a provider that runs already is not the one of the lock file. The last
two are said anew."""

SET = {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}

_SECRET = re.compile(r"SECRET|TOKEN|PASSW|KEY|CREDENTIAL|TF_VAR_|PROXY|TF_HTTP_", re.IGNORECASE)
SHORTEST_SECRET = 6
"""Shorter ones are words that any message may hold."""


def passed(environment: Mapping[str, str], more: Sequence[str] = ()) -> dict[str, str]:
    """What is passed on. `more` names variables that are, too.

    Raises Refusal for TF_CLI_ARGS…: an option there may leave out of the plan what should be judged.
    """
    for name in sorted(environment):
        if name.startswith("TF_CLI_ARGS") and environment[name]:
            raise Refusal(
                "it changes what is planned, unseen: unset it, and use --var-file, --var or --backend-config",
                place=name,
            )
    return {
        name: value
        for name, value in environment.items()
        if name in more
        or ((name in PASSED or name.startswith(PASSED_PREFIXES)) and not name.startswith(WITHHELD_PREFIXES))
    } | SET


def secrets(environment: Mapping[str, str], more: Sequence[str] = ()) -> set[str]:
    """Values that no message may hold: those of names that sound secret, and of `more`."""
    return long_ones(value for name, value in environment.items() if name in more or _SECRET.search(name))


def long_ones(values: Iterable[str]) -> set[str]:
    """Those that are no word that any message may hold."""
    return {value for value in values if len(value) >= SHORTEST_SECRET}
