"""The release of this project; a git tag is v and this number."""

VERSION = "1.0.0"
