"""Which versions answer."""

from importlib.metadata import version

print(", ".join(f"{name} {version(name)}" for name in ("choix", "numpy", "scipy")))
