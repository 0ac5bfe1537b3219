"""What may be seen of a person before he has said who he is, and of a number by those who need not dial it."""

from datetime import date


def masked_name(name: str) -> str:
    """The first letter of each word, which is enough to ask for the person."""
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())


def masked_birthday(born: date | None) -> str | None:
    """Month and day, to be compared with what is said."""
    return f"****-{born:%m-%d}" if born else None


def masked_record_number(record_number: str) -> str:
    """The last three characters, if that leaves most of it hidden."""
    shown = 3 if len(record_number) > 5 else 1
    return "*" * (len(record_number) - shown) + record_number[-shown:]


def masked_number(number: str) -> str:
    """The last four digits: enough to tell a patient's numbers apart."""
    return "*" * (len(number) - 4) + number[-4:]
