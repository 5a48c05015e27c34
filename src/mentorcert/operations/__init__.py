"""Operations: the nightly run, and the doctor's checks."""
