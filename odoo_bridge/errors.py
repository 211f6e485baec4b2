"""What a call of Odoo can fail with. The class decides whether it is tried again.

Exception
└── OdooError
    ├── OdooRetryError                the same call may succeed later
    │   ├── OdooUnavailableError      gone during the call: it may have committed
    │   │   ├── OdooUnreachableError  the call was never sent
    │   │   └── OdooTimeoutError      no answer in time; the call may still run
    │   └── OdooConflictError         rolled back: a locked row, serialization
    └── OdooFinalError                fails until a person mends something
        ├── OdooMisconfiguredError    no Odoo there, or not that database
        ├── OdooAuthenticationError   the login or key is wrong, or has expired
        ├── OdooAccessError           the user lacks a right
        ├── OdooMissingError          no such model or method: an older addon
        ├── OdooInvalidError          the data: refused by a rule of Odoo's
        └── OdooTooLargeError         the body: send fewer rows a call
"""

from typing import ClassVar


class OdooError(Exception):
    """A call of Odoo failed. The text is one line: what was wrong, and what to do."""

    advice: ClassVar[str] = ""
    """What a person can do about any error of the class; "" where the text says it."""

    @property
    def fault(self) -> str:
        """What was wrong, without the advice: of a row, when Odoo takes others."""
        return super().__str__()

    def __str__(self) -> str:
        return f"{self.fault}; {self.advice}" if self.advice else self.fault


class OdooRetryError(OdooError):
    """Trouble that passes: the same call may succeed later."""


class OdooUnavailableError(OdooRetryError):
    """Odoo went away during the call, which may have committed all the same.

    ``retry_after_seconds``: how long Odoo, or the proxy before it, asks to be left
    alone, at most a quarter of an hour; 0 where it answers "not now", 429 or 503,
    without saying how long, None where it answers neither.
    """

    advice = "if it lasts, look at Odoo's log and the proxy before it"
    retry_after_seconds: float | None = None


class OdooUnreachableError(OdooUnavailableError):
    """No connection, so the call was not sent."""

    advice = "check that Odoo runs, and ODOO_URL"


class OdooTimeoutError(OdooUnavailableError):
    """No answer in time; the call may still be running, and may commit."""

    advice = "if it lasts, look at Odoo's load, or raise ODOO_TIMEOUT_SECONDS"


class OdooConflictError(OdooRetryError):
    """Odoo rolled the call back because of another one that runs beside it."""


class OdooFinalError(OdooError):
    """The same call fails again until somebody mends its cause."""


class OdooMisconfiguredError(OdooFinalError):
    """What answers is not this Odoo: a wrong URL, database, proxy or certificate."""


class OdooAuthenticationError(OdooFinalError):
    """Odoo does not accept the login or the API key."""

    advice = (
        "the API key is wrong, expired or revoked: make a new one for the bridge's "
        "user in Odoo, for ODOO_API_KEY or the file that ODOO_API_KEY_FILE names"
    )


class OdooAccessError(OdooFinalError):
    """The bridge's user may not do this."""

    advice = "give the bridge's user the group Billing Bridge in Odoo"


class OdooMissingError(OdooFinalError):
    """Odoo has no such model or method, or its method takes other arguments."""

    advice = "install or upgrade the addon fusion_centralize_billing in Odoo"


class OdooInvalidError(OdooFinalError):
    """Odoo refuses the data, or fails on it."""


class OdooTooLargeError(OdooFinalError):
    """A body is larger than Odoo, a proxy before it, or the bridge takes."""

    advice = "if one row does it, raise the limit of the proxy before Odoo"
