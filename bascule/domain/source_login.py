"""How a source mailbox is opened: by its own user name, or through Dovecot's master user."""

from bascule.domain.mail import Login
from bascule.domain.plan import Plan


def source_login(plan: Plan, user_name: str, password: str) -> Login:
    """The login for IMAP and for Exchange's CSV alike: a change of its form would make the service copy mail again.

    `user_name` is the user's own part, or the whole `user*master`; the result is the same. Source: Dovecot
    documentation, "Master users/passwords".
    """
    suffix = f"{plan.source.master_separator}{plan.source.master_user}"
    if not plan.source.master_user or user_name.endswith(suffix):
        return Login(user_name, password)
    return Login(f"{user_name}{suffix}", password)
