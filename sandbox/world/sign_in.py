"""How a person signs in with a name and a password, as the tenant's token endpoint judges it.

Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
"""

import hmac

from sandbox.world.directory import Directory, User


class SignInRefused(Exception):
    """The person does not get in; `number` is the vendor's, without its letters."""

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.number = number
        self.sentence = sentence


def sign_in(directory: Directory, name: str, password: str) -> User:
    """The account that this name and this password open.

    Raises:
        SignInRefused: nobody of that name, another password, a disabled account, or a password that is to be changed.
    """
    user = directory.truth(name)
    if user is None:
        raise SignInRefused(50034, "The user account does not exist in the directory.")
    if not hmac.compare_digest(user.password.encode(), password.encode()):
        raise SignInRefused(
            50126, "Error validating credentials due to invalid username or password."
        )
    if not user.account_enabled:
        raise SignInRefused(50057, "The user account is disabled.")
    if user.password_change_forced:
        raise SignInRefused(50055, "The password is expired.")
    return user
