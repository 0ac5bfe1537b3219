"""What `suifang vault` refuses, in a module that loads nothing: every command knows it."""


class VaultCommandError(Exception):
    """A refusal; the text says why and what to do."""
