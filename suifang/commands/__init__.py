"""What is typed after `suifang`, one module for each group of commands."""
