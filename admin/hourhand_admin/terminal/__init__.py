"""What the operator commands share: reading what people type, and writing what they read."""
