"""Tables, mappings, repositories, unit of work and migrations: the only package that speaks SQL."""
