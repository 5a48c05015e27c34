"""What keeps the registry true by itself: the nightly run, and the doctor that examines it."""
