//! What the commands that look print.
