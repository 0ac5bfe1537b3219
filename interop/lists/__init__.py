"""Lists of discharges, appointments and numbers: read, mapped, checked, applied, undone."""
