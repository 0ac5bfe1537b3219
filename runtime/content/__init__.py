"""The clinical content of an installation: one module for each kind of file, and the library that reads them all."""
