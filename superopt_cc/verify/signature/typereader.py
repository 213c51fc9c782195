"""From DWARF types to the verifier's table of C types (ctype.py)."""

from __future__ import annotations

import dataclasses

from elftools.dwarf.die import DIE

from superopt_cc.verify.signature.ctype import (
    EXTENDED,
    Array,
    Bool,
    CType,
    Enum,
    Field,
    Float,
    Form,
    Function,
    Int,
    Pointer,
    Struct,
    TypeTable,
    Unsupported,
    align_of,
    is_vector,
    size_of,
)
from superopt_cc.verify.signature.dwarf import children, is_c, text_of, type_die

_QUALIFIERS = {
    "DW_TAG_const_type": "const",
    "DW_TAG_volatile_type": "volatile",
    "DW_TAG_atomic_type": "volatile",
    "DW_TAG_restrict_type": "restrict",
    "DW_TAG_typedef": "",
}
_POINTERS = frozenset(
    {"DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"}
)
_ATE_BOOLEAN, _ATE_COMPLEX, _ATE_FLOAT, _ATE_DECIMAL, _ATE_UTF = 0x02, 0x03, 0x04, 0x0F, 0x10
_ATE_SIGNED, _ATE_UNSIGNED = frozenset({0x05, 0x06}), frozenset({0x07, 0x08, _ATE_UTF})
_ATE_CHARACTER = frozenset({0x06, 0x08})
_QUAD = Unsupported("float128", 16, 16)
_EXTENDED_NAMES = ("long double", "_Float64x")
_VECTORS = frozenset({8, 16, 32, 64})  # bytes
# Types aligned to as much may be read by instructions that fault where they are less so.
_DEMANDING = 16


class TypeReader:
    """Builds one self-contained table; the order of requests fixes the order of entries."""

    def __init__(self, widest: int = 16) -> None:
        """Vectors of up to `widest` bytes are passed in registers."""
        self._widest = widest
        self._table: list[CType] = []
        self._index: dict[tuple[int, bool, int], int] = {}

    @property
    def table(self) -> TypeTable:
        return tuple(self._table)

    def read(self, die: DIE | None, align: int = 0) -> int | None:
        """The index of a type, qualifiers and typedefs folded; None for void.

        `align` is what a typedef around it declared.
        """
        base, qualifiers = _strip(die)
        if base is None:
            return None
        key = (int(base.offset), "restrict" in qualifiers, 0)
        if key not in self._index:
            index = self._index[key] = len(self._table)
            # Reserved before its parts are read: lists refer to themselves.
            self._table.append(Unsupported("opaque"))
            self._table[index] = self._convert(base, restrict="restrict" in qualifiers)
        return self._as_aligned(key, align or _aligned(die))

    def function(self, die: DIE) -> int:
        """The index of the Function type of a subprogram or subroutine type."""
        key = (int(die.offset), False, 0)
        if key not in self._index:
            index = self._index[key] = len(self._table)
            self._table.append(Unsupported("opaque"))
            self._table[index] = self._function(die)
        return self._index[key]

    def _known(self, die: DIE | None) -> int:
        index = self.read(die)
        if index is None:
            self._table.append(Unsupported("void"))
            return len(self._table) - 1
        return index

    def _convert(self, die: DIE, *, restrict: bool) -> CType:
        size = _number(die, "DW_AT_byte_size")
        if die.tag in _POINTERS:
            return self._pointer(die, restrict=restrict)
        if die.tag == "DW_TAG_base_type":
            if _number(die, "DW_AT_encoding") == _ATE_COMPLEX:
                return self._complex(die, size)
            return _base(die, size)
        if die.tag == "DW_TAG_enumeration_type":
            return _enum(die, size)
        if die.tag in ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type"):
            return self._struct(die, size)
        if die.tag == "DW_TAG_array_type":
            return self._array(die, size)
        if die.tag == "DW_TAG_subroutine_type":
            return self._function(die)
        if die.tag == "DW_TAG_ptr_to_member_type":
            return Unsupported("member-pointer", size)
        return Unsupported("odd-type", size)

    def _pointer(self, die: DIE, *, restrict: bool) -> CType:
        pointee, qualifiers = _strip(type_die(die))
        element = pointee
        while element is not None and element.tag == "DW_TAG_array_type":
            # `const` on an array belongs to its elements.
            element, inner = _strip(type_die(element))
            qualifiers |= inner
        return Pointer(
            self.read(pointee, _aligned(type_die(die))),
            const="const" in qualifiers,
            restrict=restrict,
            volatile="volatile" in qualifiers,
        )

    def _array(self, die: DIE, size: int) -> CType:
        element = self._known(type_die(die))
        counts = [_count(bound) for bound in children(die, "DW_TAG_subrange_type")]
        if "DW_AT_GNU_vector" in die.attributes:
            return self._vector(element, counts[0] or 0)
        for count in reversed(counts[1:]):
            self._table.append(Array(element, count))
            element = len(self._table) - 1
        return Array(element, counts[0] if counts else None)

    def _vector(self, element: int, count: int) -> CType:
        size = count * size_of(self.table, element)
        if isinstance(self._table[element], (Int, Float)) and size in _VECTORS:
            form = Form.VECTOR if size <= self._widest else Form.WIDE
            return Array(element, count, form, size)
        return Unsupported("vector", size)

    def _complex(self, die: DIE, size: int) -> CType:
        extended = size == 2 * EXTENDED.size and _is_extended(die)
        if size not in (8, 16) and not extended:
            return Unsupported("complex", size)
        self._table.append(Float(size // 2))
        return Array(len(self._table) - 1, 2, Form.COMPLEX)

    def _as_aligned(self, key: tuple[int, bool, int], align: int) -> int:
        """A known type under a typedef that declares another alignment (0: none does).

        Only vectors carry one; of other types inputs would always be better aligned than callers
        promise, which is told where it could matter.
        """
        plain = self._index[key]
        kind, natural = self._table[plain], align_of(self.table, plain)
        if align in (0, natural):
            return plain
        if isinstance(kind, Array) and is_vector(kind):
            aligned: CType = dataclasses.replace(kind, align=align)
        elif align < natural and natural >= _DEMANDING:
            aligned = Unsupported("alignment", size_of(self.table, plain))
        else:
            return plain
        key = (*key[:2], align)
        if key not in self._index:
            self._index[key] = len(self._table)
            self._table.append(aligned)
        return self._index[key]

    def _function(self, die: DIE) -> CType:
        parameters = [
            self._known(type_die(child)) for child in children(die, "DW_TAG_formal_parameter")
        ]
        return Function(
            self.read(type_die(die)),
            tuple(parameters),
            variadic=is_variadic(die),
            prototyped=is_prototyped(die),
        )

    def _struct(self, die: DIE, size: int) -> CType:
        name = text_of(die.attributes["DW_AT_name"].value) if "DW_AT_name" in die.attributes else ""
        if "DW_AT_declaration" in die.attributes:
            return Unsupported("opaque")
        fields: list[Field] = []
        for child in children(die, "DW_TAG_member", "DW_TAG_inheritance"):
            if "DW_AT_external" in child.attributes or "DW_AT_declaration" in child.attributes:
                continue  # a C++ static member
            if "DW_AT_virtuality" in child.attributes or "DW_AT_artificial" in child.attributes:
                return Unsupported("polymorphic", size)
            fields.append(self._field(child))
        return Struct(
            name,
            size,
            self._alignment(die, size, fields),
            tuple(fields),
            union=die.tag == "DW_TAG_union_type",
            plain=is_c(die),
        )

    def _field(self, die: DIE) -> Field:
        name = text_of(die.attributes["DW_AT_name"].value) if "DW_AT_name" in die.attributes else ""
        kind = self._known(type_die(die))
        if "DW_AT_bit_size" in die.attributes:
            first = _number(die, "DW_AT_data_bit_offset")
            return Field(name, first // 8, kind, (first, _number(die, "DW_AT_bit_size")))
        return Field(name, _number(die, "DW_AT_data_member_location"), kind)

    def _alignment(self, die: DIE, size: int, fields: list[Field]) -> int:
        """The alignment in bytes: as declared, else the members', 1 where the layout is packed."""
        declared = _number(die, "DW_AT_alignment")
        if declared:
            return declared
        natural = 1
        for field in fields:
            align = max(1, align_of(self.table, field.type))
            if field.bits is None and (field.offset % align or size % align):
                return 1
            natural = max(natural, align if size % align == 0 else 1)
        return natural


def _strip(die: DIE | None) -> tuple[DIE | None, set[str]]:
    """A type without its typedefs and qualifiers, and the qualifiers."""
    found: set[str] = set()
    while die is not None and die.tag in _QUALIFIERS:
        found.add(_QUALIFIERS[die.tag])
        die = type_die(die)
    return die, found


def _aligned(die: DIE | None) -> int:
    """The alignment that the outermost typedef with one declares; 0 without."""
    while die is not None and die.tag in _QUALIFIERS:
        declared = _number(die, "DW_AT_alignment")
        if declared:
            return declared
        die = type_die(die)
    return 0


def _number(die: DIE, name: str) -> int:
    attribute = die.attributes.get(name)
    return attribute.value if attribute is not None and isinstance(attribute.value, int) else 0


def _count(bound: DIE) -> int | None:
    if "DW_AT_count" in bound.attributes:
        value = bound.attributes["DW_AT_count"].value
        return value if isinstance(value, int) else None
    upper = bound.attributes.get("DW_AT_upper_bound")
    if upper is None or upper.form == "DW_FORM_exprloc" or upper.form.startswith("DW_FORM_ref"):
        return None
    return int(upper.value) + 1


def _base(die: DIE, size: int) -> CType:
    encoding = _number(die, "DW_AT_encoding")
    if encoding == _ATE_BOOLEAN and size == 1:
        return Bool()
    if encoding in _ATE_SIGNED | _ATE_UNSIGNED:
        return Int(size, encoding in _ATE_SIGNED, encoding in _ATE_CHARACTER)
    if encoding == _ATE_FLOAT:
        if size in (4, 8):
            return Float(size)
        if size == _QUAD.size:
            return EXTENDED if _is_extended(die) else _QUAD
        return Unsupported("float16" if size == 2 else "odd-type", size)
    if encoding == _ATE_DECIMAL:
        return Unsupported("decimal", size)
    return Unsupported("odd-type", size)


def _is_extended(die: DIE) -> bool:
    """x87's format, and not the other one of as many bytes (-mlong-double-128 is refused)?"""
    name = text_of(die.attributes["DW_AT_name"].value) if "DW_AT_name" in die.attributes else ""
    return name.removeprefix("complex ") in _EXTENDED_NAMES


def _enum(die: DIE, size: int) -> CType:
    if "DW_AT_declaration" in die.attributes and not size:
        return Unsupported("opaque")
    values = tuple(
        int(item.attributes["DW_AT_const_value"].value)
        for item in children(die, "DW_TAG_enumerator")
    )
    underlying, _ = _strip(type_die(die))
    if underlying is not None:
        signed = _number(underlying, "DW_AT_encoding") in _ATE_SIGNED
    else:
        signed = any(value < 0 for value in values)
    return Enum(size, signed, values)


def is_variadic(die: DIE) -> bool:
    """Does the function take `...`?  Without a prototype nothing is said about it."""
    return is_prototyped(die) and any(children(die, "DW_TAG_unspecified_parameters"))


def is_prototyped(die: DIE) -> bool:
    """Was it declared with a prototype?  In C++ always."""
    return not is_c(die) or "DW_AT_prototyped" in die.attributes
