"""Lists of people, their visits, results and medicines: read, mapped, checked, applied, undone."""
