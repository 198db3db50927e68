from tests.own.packages import install

__all__ = ["install"]
