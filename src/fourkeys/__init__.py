"""fourkeys: from what engineers leave behind to the four keys of software delivery."""

__version__ = "0.1.0"
