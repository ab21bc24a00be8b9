"""MessagePack, written out once more: vectors must not depend on what they test, and need odd forms too."""

import struct


class Raw(bytes):
    """Bytes that stand in the frame as they are."""


class Wrong:
    """Marks the value at which a fault is expected: its offset is noted while packing."""

    def __init__(self, value):
        self.value = value


class Missing:
    """Takes no bytes; marks the place where a field should have been."""


MISSING = Wrong(Missing())


class Pairs(list):
    """A map given as a list of pairs, so that a key can be there twice or be no str."""


def sized(size, fixed, first, forms):
    """The head of a str, bin, array or map: one byte, or a lead byte and a length of 1, 2 or 4 bytes."""
    if fixed is not None and size < fixed[1]:
        return bytes([fixed[0] | size])
    for step, form in enumerate(forms):
        if size < 1 << 8 * struct.calcsize(form):
            return bytes([first + step]) + struct.pack(form, size)
    raise ValueError(size)


def integer(value):
    """The shortest form of an integer."""
    if 0 <= value < 128 or -32 <= value < 0:
        return struct.pack(">b", value)
    lead, forms = (0xCC, (">B", ">H", ">I", ">Q")) if value >= 0 else (0xD0, (">b", ">h", ">i", ">q"))
    for step, form in enumerate(forms):
        try:
            return bytes([lead + step]) + struct.pack(form, value)
        except struct.error:
            continue
    raise ValueError(value)


class Packer:
    """Collects bytes; `wrong_at` is the offset of what was marked Wrong."""

    def __init__(self):
        self.data = bytearray()
        self.wrong_at = None

    def add(self, value):
        """Append one value."""
        if isinstance(value, Wrong):
            self.wrong_at = len(self.data)
            self.add(value.value)
        elif isinstance(value, Missing):
            pass
        elif isinstance(value, Raw):
            self.data += value
        elif value is None or isinstance(value, bool):
            self.data += {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
        elif isinstance(value, int):
            self.data += integer(value)
        elif isinstance(value, float):
            self.data += b"\xcb" + struct.pack(">d", value)
        else:
            self.add_sized(value)

    def add_sized(self, value):
        """Append a str, bin, array or map."""
        if isinstance(value, str):
            text = value.encode()
            self.data += sized(len(text), (0xA0, 32), 0xD9, (">B", ">H", ">I")) + text
        elif isinstance(value, bytes):
            self.data += sized(len(value), None, 0xC4, (">B", ">H", ">I")) + value
        elif isinstance(value, (dict, Pairs)):
            pairs = list(value.items() if isinstance(value, dict) else value)
            size = sum(1 for pair in pairs if pair[0] is not MISSING)
            self.data += sized(size, (0x80, 16), 0xDE, (">H", ">I"))
            for pair in pairs:
                for part in pair:
                    self.add(part)
        elif isinstance(value, list):
            size = sum(1 for element in value if element is not MISSING)
            self.data += sized(size, (0x90, 16), 0xDC, (">H", ">I"))
            for element in value:
                self.add(element)
        else:
            raise TypeError(type(value))


def pack(value):
    """The bytes of one value."""
    packer = Packer()
    packer.add(value)
    return bytes(packer.data)
