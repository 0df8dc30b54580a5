"""The element types of the safetensors format."""

from __future__ import annotations

from enum import Enum
from functools import cached_property


class Kind(Enum):
    """What arithmetic a dtype admits."""

    FLOAT = "float"  # averaged in float32, or in float64 where an operand is float64
    OPAQUE = "opaque"  # 8-bit and sub-byte floats, complex: moved as bytes, never computed with
    INTEGER = "integer"
    BOOLEAN = "boolean"

    # Enum's own hash works on the name string in Python; identity is enough and much faster.
    __hash__ = object.__hash__


class DType(Enum):
    """A dtype: its safetensors name, its recipe name, its bits per element and its kind."""

    BOOL = ("BOOL", "bool", 8, Kind.BOOLEAN)
    F4 = ("F4", "float4_e2m1", 4, Kind.OPAQUE)
    F6_E2M3 = ("F6_E2M3", "float6_e2m3", 6, Kind.OPAQUE)
    F6_E3M2 = ("F6_E3M2", "float6_e3m2", 6, Kind.OPAQUE)
    U8 = ("U8", "uint8", 8, Kind.INTEGER)
    I8 = ("I8", "int8", 8, Kind.INTEGER)
    F8_E5M2 = ("F8_E5M2", "float8_e5m2", 8, Kind.OPAQUE)
    F8_E4M3 = ("F8_E4M3", "float8_e4m3fn", 8, Kind.OPAQUE)
    F8_E8M0 = ("F8_E8M0", "float8_e8m0fnu", 8, Kind.OPAQUE)
    F8_E4M3FNUZ = ("F8_E4M3FNUZ", "float8_e4m3fnuz", 8, Kind.OPAQUE)
    F8_E5M2FNUZ = ("F8_E5M2FNUZ", "float8_e5m2fnuz", 8, Kind.OPAQUE)
    I16 = ("I16", "int16", 16, Kind.INTEGER)
    U16 = ("U16", "uint16", 16, Kind.INTEGER)
    F16 = ("F16", "float16", 16, Kind.FLOAT)
    BF16 = ("BF16", "bfloat16", 16, Kind.FLOAT)
    I32 = ("I32", "int32", 32, Kind.INTEGER)
    U32 = ("U32", "uint32", 32, Kind.INTEGER)
    F32 = ("F32", "float32", 32, Kind.FLOAT)
    C64 = ("C64", "complex64", 64, Kind.OPAQUE)
    F64 = ("F64", "float64", 64, Kind.FLOAT)
    I64 = ("I64", "int64", 64, Kind.INTEGER)
    U64 = ("U64", "uint64", 64, Kind.INTEGER)

    def __init__(self, code: str, recipe_name: str, bits: int, kind: Kind) -> None:
        """Unpack the member's tuple into its attributes."""
        self.code = code
        self.recipe_name = recipe_name
        self.bits = bits
        self.kind = kind

    __hash__ = object.__hash__  # as above

    @cached_property
    def is_float(self) -> bool:
        """Whether mergec computes with it."""
        return self.kind is Kind.FLOAT

    @cached_property
    def is_integral(self) -> bool:
        """Whether its tensors are carried along: compared or taken from one input, never averaged."""
        return self.kind in {Kind.INTEGER, Kind.BOOLEAN}

    @cached_property
    def itemsize(self) -> int:
        """Bytes per element; 0 for sub-byte dtypes, whose tensors are only moved whole."""
        return self.bits // 8

    def nbytes(self, count: int) -> int:
        """Bytes of `count` elements; the format demands that it comes out even."""
        return count * self.bits // 8

    def __str__(self) -> str:
        return self.recipe_name

    def __repr__(self) -> str:
        return f"DType.{self.name}"


BY_CODE: dict[str, DType] = {d.code: d for d in DType}
BY_RECIPE_NAME: dict[str, DType] = {d.recipe_name: d for d in DType}
