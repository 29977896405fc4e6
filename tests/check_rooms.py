#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_rooms.py ROOT [OBJECT...]: the architecture as a test.

Every include goes from a room to one that the table allows; no files need each other in a circle, by the symbols that
their objects define and need; no folder and no file has grown too large. docs/architecture.md draws the table.
"""
import pathlib
import re
import shutil
import subprocess
import sys

# A room may include itself, octconv.h and what stands here. 'main' and 'registry' are the files beside the rooms.
ARROWS = {
    'bench': {
        'main': ['commands', 'gate', 'base'],
        'commands': ['gate', 'report', 'measure', 'config', 'machine', 'counters', 'check', 'base'],
        'gate': ['config', 'machine', 'check', 'base'],
        'report': ['measure', 'config', 'machine', 'counters', 'check', 'base'],
        'measure': ['config', 'machine', 'counters', 'check', 'base'],
        'config': ['machine', 'counters', 'check', 'base'],
        'counters': ['machine', 'base'],
        'machine': ['base'],
        'check': ['base'],
        'base': [],
    },
    'kernels': {
        'registry': ['core'],
        'net': ['core'],
        'auto': ['core'],
        'direct': ['frame', 'grouped', 'simd', 'core'],
        'grouped': ['frame', 'simd', 'core'],
        'winograd': ['frame', 'simd', 'core'],
        'compose': ['onednn', 'xnnpack', 'core'],
        'frame': ['core'],
        'onednn': ['core'],
        'xnnpack': ['core'],
        'reference': ['core'],
        'simd': [],
        'core': [],
    },
}
GENERATED = {'counter_group_texts.h', 'octbench_revision.h'}  # by CMake
MOST_FILES = 20  # .c files of a folder
MOST_LINES = 500  # of a .c or .h file
KNOWN_CIRCLES = []  # to be opened
TOO_LONG = {  # to be split
}

complaints = []


def complain(text):
    complaints.append(text)


def room_of(path):
    """('bench', 'gate') of bench/gate/verdict.c; ('bench', 'main') of bench/main.c."""
    return path.parts[0], path.parts[1] if len(path.parts) > 2 else path.stem


def may_include(path, header):
    tree, room = room_of(path)
    if header == 'octconv.h' or (tree == 'bench' and header in GENERATED):
        return True
    target = header.split('/')[0] if '/' in header else None
    return target == room or target in ARROWS[tree].get(room, [])


def check_includes(root, path):
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not found or may_include(path, found[1]):
            continue
        tree, room = room_of(path)
        allowed = ', '.join([room] + ARROWS[tree].get(room, []))
        complain(f'{path}:{number}: {room} includes "{found[1]}"; it may include {allowed} and octconv.h')
    if room_of(path)[1] not in ARROWS[path.parts[0]] and path.name != 'octconv.h':
        complain(f'{path}: no room of {path.parts[0]}/: the table in tests/check_rooms.py names them')


def check_sizes(root, paths):
    folders = {}
    for path in paths:
        lines = len((root / path).read_text().splitlines())
        most = TOO_LONG.get(str(path), MOST_LINES)
        if lines > most:
            complain(f'{path}: {lines} lines; {most} are the most')
        folders[path.parent] = folders.get(path.parent, 0) + (path.suffix == '.c')
    for name in TOO_LONG:
        if pathlib.Path(name) not in paths or len((root / name).read_text().splitlines()) <= MOST_LINES:
            complain(f'{name}: no longer too long: take it off the exceptions in tests/check_rooms.py')
    for folder, count in folders.items():
        if count > MOST_FILES:
            complain(f'{folder}: {count} .c files; {MOST_FILES} are the most')


def symbols(objects):
    """Where each symbol is defined, and what each file needs; a file is what follows CMake's '.dir/'."""
    home, need = {}, {}
    text = subprocess.run(['nm', '-A', *objects], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        target, name, rest = re.match(r'.*/(\w+)\.dir/(?:\./)?(.+)\.o:(.*)', line).groups()
        name = f'{"kernels" if target.startswith("octconv") else "bench"}/{name}'
        words = rest.split()
        need.setdefault(name, set())
        if len(words) == 2 and words[0] == 'U':
            need[name].add(words[1])
        elif len(words) == 3 and words[1] in 'BDRTVW':
            home.setdefault(words[2], name)
    return home, need


def shortest_circle(start, uses):
    """The files from `start` back to itself; [] where no way leads back."""
    ways = [[start]]
    seen = set()
    for way in ways:
        for name in sorted(uses[way[-1]]):
            if name == start:
                return way + [start]
            if name not in seen:
                seen.add(name)
                ways.append(way + [name])
    return []


def check_circles(objects):
    home, need = symbols(objects)
    for name in need:  # whoever calls the library by octconv.h, as a program does, stands above the registry
        need[name] = {s for s in need[name] if s in home and home[s] not in (name, 'kernels/registry.c')}
    uses = {name: {home[s] for s in need[name]} for name in need}
    told = set()
    left = set(KNOWN_CIRCLES)
    for start in sorted(uses):
        circle = shortest_circle(start, uses)
        if not circle or told.intersection(circle):
            continue
        told.update(circle)
        if str(pathlib.Path(start).parent) in KNOWN_CIRCLES:
            left.discard(str(pathlib.Path(start).parent))
            continue
        steps = [f'{a} needs {min(s for s in need[a] if home[s] == b)} of {b}' for a, b in zip(circle, circle[1:])]
        complain('a circle: ' + '; '.join(steps))
    for folder in left:
        complain(f'{folder}: no circle is left: take it off the exceptions in tests/check_rooms.py')


def main():
    root = pathlib.Path(sys.argv[1])
    paths = [p.relative_to(root) for tree in ARROWS for p in sorted((root / tree).rglob('*.[ch]'))]
    if len(paths) < 100:
        complain(f'{root}: only {len(paths)} files of bench/ and kernels/')
    for path in paths:
        check_includes(root, path)
    check_sizes(root, paths + [p.relative_to(root) for p in sorted((root / 'tests').rglob('*.[ch]'))])
    if len(sys.argv) > 2 and shutil.which('nm'):
        check_circles(sys.argv[2:])
    for text in complaints:
        print(text)
    return 1 if complaints else 0


sys.exit(main())
