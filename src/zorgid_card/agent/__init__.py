"""What stands beside the reader: does a page's steps with cards, and asks the person itself."""
