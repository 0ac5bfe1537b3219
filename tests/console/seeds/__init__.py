"""What a page needs before there is something to see on it; each folder of the console has its own."""
