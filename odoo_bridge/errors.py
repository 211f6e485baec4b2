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


class OdooError(Exception):
    """A call of Odoo failed. The text is one line, fit for a log and an operator."""


class OdooRetryError(OdooError):
    """Trouble that passes: the same call may succeed later."""


class OdooUnavailableError(OdooRetryError):
    """Odoo went away during the call, which may have committed all the same."""


class OdooUnreachableError(OdooUnavailableError):
    """No connection, so the call was not sent."""


class OdooTimeoutError(OdooUnavailableError):
    """No answer in time; the call may still be running, and may commit."""


class OdooConflictError(OdooRetryError):
    """Odoo rolled the call back because of another one that runs beside it."""


class OdooFinalError(OdooError):
    """The same call fails again until somebody mends its cause."""


class OdooMisconfiguredError(OdooFinalError):
    """What answers is not this Odoo: a wrong URL, database, proxy or certificate."""


class OdooAuthenticationError(OdooFinalError):
    """Odoo does not accept the login or the API key."""


class OdooAccessError(OdooFinalError):
    """The bridge's user may not do this."""


class OdooMissingError(OdooFinalError):
    """Odoo has no such model or method, or its method takes other arguments."""


class OdooInvalidError(OdooFinalError):
    """Odoo refuses the data, or fails on it."""


class OdooTooLargeError(OdooFinalError):
    """The body is larger than Odoo, or a proxy before it, takes."""
