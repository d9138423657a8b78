"""What the commands do: async functions over the main screen, grouped as the help groups them."""
