"""What a step answers to its story. Refusals are values: the engine hands over only the text of an exception."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from bascule.domain.codes import Code

T = TypeVar("T")


@dataclass(frozen=True)
class Done(Generic[T]):
    """The step's effect holds; this is its answer."""

    value: T


@dataclass(frozen=True)
class Later:
    """Nothing is wrong, but it is too early; ask again after `wait_s` seconds."""

    wait_s: float
    why: str
    is_unanswered: bool = False
    """Whether the server that was asked gave no answer: this says nothing about what it was asked for."""


@dataclass(frozen=True)
class Refused:
    """Only a person can put this right."""

    code: Code
    detail: str


Reply = Done[T] | Later | Refused
