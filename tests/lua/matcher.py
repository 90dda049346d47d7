"""Count the steps of Lua's own matcher: `lstrlib.c` of Lua 5.4, in Python."""

from __future__ import annotations

import string

Class = tuple[int, int]  # where it begins and ends in the pattern

OF_LETTER = {
    "a": string.ascii_letters,
    "d": string.digits,
    "s": string.whitespace,
    "w": string.ascii_letters + string.digits,
}


class Mistake(Exception):
    """The pattern is malformed where the matcher came to."""


class TooManySteps(Exception):
    """The count is past the limit."""


class Matcher:
    """One call of `find`, `match`, `gmatch` or `gsub` on ASCII text; `steps` is its work."""

    def __init__(self, text: str, pattern: str, limit: int) -> None:
        self.text, self.pattern, self.limit = text, pattern, limit
        self.steps = 0.0
        self.captures: list[list[int]] = []

    def run(self, name: str) -> None:
        anchored = name != "gmatch" and self.pattern.startswith("^")
        place, last = 0, -1
        while place <= len(self.text):
            self.captures = []
            end = self.match(place, int(anchored))
            if end is not None and any(length == -1 for _, length in self.captures):
                raise Mistake
            if name in ("find", "match") and end is not None:
                return
            if end is not None and end != last:
                place = last = end
            else:
                place += 1
            if anchored:
                return

    def work(self, steps: float = 1) -> None:
        self.steps += steps
        if self.steps > self.limit:
            raise TooManySteps

    def at(self, place: int) -> str:
        return self.pattern[place : place + 1]

    def class_end(self, place: int) -> int:
        if place >= len(self.pattern):
            raise Mistake
        if self.at(place) == "%":
            if place + 1 >= len(self.pattern):
                raise Mistake
            return place + 2
        if self.at(place) == "[":
            place += 2 if self.at(place + 1) == "^" else 1
            while True:
                if place >= len(self.pattern):
                    raise Mistake
                place += 2 if self.at(place) == "%" else 1
                if self.at(place) == "]":
                    break
        return place + 1

    def one(self, found: str, start: int, end: int) -> bool:
        """Compare one character with one class."""
        if not found:
            return False
        kind = self.at(start)
        if kind == "%":
            return self.letter(found, self.at(start + 1))
        if kind != "[":
            return kind in (".", found)
        return self.in_set(found, start, end)

    def in_set(self, found: str, start: int, end: int) -> bool:
        self.work(end - start - 1)
        place, inverted = start + 1, False
        if self.at(place) == "^":
            place, inverted = place + 1, True
        while place < end - 1:
            here = self.at(place)
            if here == "%":
                if self.letter(found, self.at(place + 1)):
                    return not inverted
                place += 2
            elif self.at(place + 1) == "-" and place + 2 < end - 1:
                if here <= found <= self.at(place + 2):
                    return not inverted
                place += 3
            else:
                if here == found:
                    return not inverted
                place += 1
        return inverted

    @staticmethod
    def letter(found: str, letter: str) -> bool:
        members = OF_LETTER.get(letter.lower())
        if members is None:
            return letter == found
        return (found in members) == letter.islower()

    def match(self, s: int, p: int) -> int | None:
        text, pattern = self.text, self.pattern
        while True:
            self.work()
            if p == len(pattern):
                return s
            here, following = pattern[p], self.at(p + 1)
            if here == "(":
                position = following == ")"
                self.captures.append([s, -2 if position else -1])
                if len(self.captures) > 32:
                    raise Mistake
                end = self.match(s, p + 2 if position else p + 1)
                if end is None:
                    self.captures.pop()
                return end
            if here == ")":
                still_open = [c for c in self.captures if c[1] == -1]
                if not still_open:
                    raise Mistake
                still_open[-1][1] = s - still_open[-1][0]
                end = self.match(s, p + 1)
                if end is None:
                    still_open[-1][1] = -1
                return end
            if here == "$" and p + 1 == len(pattern):
                return s if s == len(text) else None
            if here == "%" and following == "b":
                if p + 3 >= len(pattern):
                    raise Mistake
                after = self.balance(s, pattern[p + 2], pattern[p + 3])
                if after is None:
                    return None
                s, p = after, p + 4
                continue
            if here == "%" and following == "f":
                if self.at(p + 2) != "[":
                    raise Mistake
                end = self.class_end(p + 2)
                before = text[s - 1] if s else "\0"
                now = text[s] if s < len(text) else "\0"
                if self.in_set(before, p + 2, end) or not self.in_set(now, p + 2, end):
                    return None
                p = end
                continue
            if here == "%" and following.isdigit():
                number = int(following) - 1
                if not 0 <= number < len(self.captures) or self.captures[number][1] == -1:
                    raise Mistake
                start, length = self.captures[number]
                if length == -2:
                    return None
                self.work(length / 32)
                if text[start : start + length] != text[s : s + length]:
                    return None
                s, p = s + length, p + 2
                continue
            end = self.class_end(p)
            count = self.at(end)
            if count and count in "*+?-":
                return self.repeat(s, p, end, count)
            if not self.one(text[s : s + 1], p, end):
                return None
            s, p = s + 1, end

    def balance(self, s: int, opening: str, closing: str) -> int | None:
        if self.text[s : s + 1] != opening:
            return None
        depth = 1
        for place in range(s + 1, len(self.text)):
            self.work(1 / 4)
            if self.text[place] == closing:
                depth -= 1
                if depth == 0:
                    return place + 1
            elif self.text[place] == opening:
                depth += 1
        return None

    def repeat(self, s: int, p: int, end: int, count: str) -> int | None:
        text, following = self.text, end + 1
        if count == "-":
            while True:
                found = self.match(s, following)
                if found is not None:
                    return found
                self.work()
                if not self.one(text[s : s + 1], p, end):
                    return None
                s += 1
        longest = s
        while longest - s < (1 if count == "?" else len(text) + 1):
            self.work()
            if not self.one(text[longest : longest + 1], p, end):
                break
            longest += 1
        for place in range(longest, s - (count != "+"), -1):
            found = self.match(place, following)
            if found is not None:
                return found
        return None
