"""What programs call. Every module here has a `router`; it is found by itself."""
