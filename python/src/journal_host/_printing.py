"""What a script prints: lines of the log, or the text of an output."""

import io


class Stdout(io.TextIOBase):
    """The `sys.stdout` of a script, which may keep it from its first line on: where its text goes is known later."""

    encoding = "utf-8"

    def __init__(self, target):
        self.target = target

    @property
    def buffer(self):
        return Bytes(self)

    def writable(self):
        return True

    def write(self, text):
        return self.target.write(text)


class Bytes(io.RawIOBase):
    """What takes bytes for a stream of text: each `write` is text in UTF-8."""

    def __init__(self, stream):
        self.stream = stream

    def writable(self):
        return True

    def write(self, content):
        content = bytes(content)
        self.stream.write(content.decode("utf-8", "backslashreplace"))
        return len(content)


class LogStream(io.TextIOBase):
    """Text that goes to the log by `write_log(level, line)`, a line each."""

    encoding = "utf-8"

    def __init__(self, write_log, level):
        self.write_log, self.level, self.held = write_log, level, ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self.held = (self.held + text).split("\n")
        for line in lines:
            self.write_log(self.level, line)
        return len(text)

    def end(self):
        if self.held:
            self.write_log(self.level, self.held)
            self.held = ""


class Printed(io.TextIOBase):
    """Printed text, which is an output of the script, and held with its call as rows are."""

    encoding = "utf-8"

    def __init__(self):
        self.parts, self.held = [], ""

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.parts.append(text)
        return len(text)

    def savepoint(self):
        return len(self.parts)

    def rollback(self, savepoint):
        del self.parts[savepoint:]

    def take(self, is_last):
        """The text so far, in whole lines; a checkpoint ends the last one."""
        text = self.held + "".join(self.parts)
        self.parts.clear()
        end = text.rfind("\n") + 1
        text, self.held = text[:end], text[end:]
        if is_last and self.held:
            text, self.held = text + self.held + "\n", ""
        return text.encode("utf-8", "backslashreplace").decode()
