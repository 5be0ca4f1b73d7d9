"""What the disk holds, for whom, and what removing something would cost."""
