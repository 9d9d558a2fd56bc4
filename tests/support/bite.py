"""Puts faults into a copy of the library, and shows that a checker finds them. The scripts named `bite` use it."""
import os
import subprocess
import sys
import time


def compile_to(out, sources, arguments):
    """Compiles, or links, with CC and CFLAGS as usual."""
    command = [os.environ.get('CC', 'cc'), '-std=c11', '-D_GNU_SOURCE', *map(str, arguments),
               *os.environ.get('CFLAGS', '').split(), *map(str, sources), '-o', str(out)]
    subprocess.run(command, check=True)


def compile_all(sources, folder, out, arguments):
    """Compiles each file; returns the objects by the file's place below `folder`."""
    objects = {}
    for source in sources:
        name = str(source.relative_to(folder))
        objects[name] = out / (name.replace('/', '_') + '.o')
        compile_to(objects[name], [source], ['-c', *arguments])
    return objects


def edit(folder, edits):
    """Applies edits (file, old text, new text) to the copy. The old text must occur exactly once."""
    for name, old, new in edits:
        path = folder / name
        text = path.read_text()
        if text.count(old) != 1:
            sys.exit(f'bite: {name} holds this {text.count(old)} times, not once:\n{old}')
        path.write_text(text.replace(old, new))


def try_all(faults, wanted, columns, find):
    """Tries all faults, or those that are wanted. `find` takes a fault; it returns a row of texts and what found it, or
    None. The last line is "N passed, N failed". Returns the exit status."""
    failed = passed = 0
    print(f'{"fault":48} ' + ' '.join(columns) + f' {"s":>5}  found by')
    for fault in faults:
        if wanted and fault[0] not in wanted:
            continue
        start = time.monotonic()
        found = find(*fault)
        seconds = time.monotonic() - start
        passed += found is not None
        failed += found is None
        row, by = found or (['-' * len(c) for c in columns], 'NOT FOUND')
        print(f'{fault[0]:48} ' + ' '.join(text.rjust(len(c)) for text, c in zip(row, columns)) +
              f' {seconds:5.1f}  {by}', flush=True)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0
