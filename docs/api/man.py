#!/usr/bin/env python3
"""Writes manual pages from Doxygen's XML of the public headers, and checks that each comment is complete.

man.py XML_FOLDER OUTPUT_FOLDER VERSION

Writes a page for each function, and one for each header with its types, values and functions. Fails, with a line for
each finding, if a function, parameter, member or value is not described. A function must also document ownership,
threads and version.
"""
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

OWNERSHIP = re.compile(r"borrow|cop(y|ied)|transfer|outlive|static|reference|as in |written|room|to write|NULL", re.I)
HANDLES = re.compile(r"lock_sync_(ctx|guard|pool|watch|redis|results|changes|error|lock|change|request|response) \*$")

complaints = []


def complain(name, what):
    complaints.append(f"{name}: {what}")


def text_of(node):
    return " ".join("".join(node.itertext()).split()) if node is not None else ""


def escaped(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def inline(node, own=""):
    """Returns the text of a paragraph, with roff's fonts, without the lists and sections in it."""
    out = escaped(node.text or "")
    for child in node:
        if child.tag in ("parameterlist", "simplesect", "itemizedlist"):
            pass
        elif child.tag == "ref" and child.text.endswith("()"):
            page = child.text[:-2]
            out += f"\\fB{page}\\fP" + ("()" if page == own else "(3)")
        elif child.tag in ("ref", "computeroutput", "bold"):
            out += f"\\fB{inline(child, own)}\\fP"
        elif child.tag == "linebreak":
            out += "\n.br\n"
        else:
            out += inline(child, own)
        out += escaped(child.tail or "")
    return out


def lines(text):
    """Returns a text as lines for roff: without leading blanks, and with leading control characters escaped."""
    return "\n".join(
        ("\\&" if line[0] in ".'" and line != ".br" else "") + line
        for line in (re.sub(r"\s+", " ", raw).strip() for raw in text.split("\n"))
        if line
    )


def prose(node, own=""):
    """Returns the paragraphs and lists of a description, without its parameters and sections."""
    out = []
    for paragraph in node.iter("para") if node is not None else ():
        if paragraph in inside(node):
            continue
        body = lines(inline(paragraph, own))
        if body:
            out.append(".PP\n" + body)
        for item in paragraph.iterfind("itemizedlist/listitem/para"):
            out.append(".IP \\(bu 2\n" + lines(inline(item, own)))
    return "\n".join(out)


def inside(node):
    """Returns the paragraphs that are written with a list, a parameter or a section."""
    tags = ("parameterlist", "simplesect", "itemizedlist")
    return {p for tag in tags for block in node.iter(tag) for p in block.iter("para")}


def sections(node, kind, title=None):
    """Returns the texts of @return, of @since, or of the paragraphs with a title."""
    return [
        " ".join(lines(inline(p)) for p in section.iterfind("para"))
        for section in (node.iter("simplesect") if node is not None else ())
        if section.get("kind") == kind and (title is None or text_of(section.find("title")) == title)
    ]


def described(member):
    return text_of(member.find("briefdescription")) + text_of(member.find("detaileddescription"))


class Page:
    def __init__(self, name, brief, version):
        self.name = name
        self.parts = [
            f'.TH {name} 3 "" "libgetlock\\-sync {version}" "libgetlock\\-sync"',
            ".SH NAME\n" + f"{name} \\- {brief}",
        ]

    def section(self, title, body):
        if body:
            self.parts.append(f".SH {title}\n{body}")

    def write(self, folder):
        with open(os.path.join(folder, self.name + ".3"), "w", encoding="utf-8") as out:
            out.write("\n".join(self.parts).replace("\n\n", "\n") + "\n")


def brief_of(node):
    brief = text_of(node.find("briefdescription"))
    return escaped(brief[:1].lower() + brief[1:].rstrip("."))


def page_of(header):
    stem = header.removesuffix(".h")
    return "locksync" if stem == "locksync" else "locksync_" + stem


def synopsis(header, *declarations):
    library = "locksync\\-redis" if header == "redis.h" else "locksync"
    body = [f".B #include <locksync/{header}>"] + [".PP\n.B " + escaped(d) for d in declarations]
    return "\n".join(body) + f"\n.PP\nCompile with \\fIpkg\\-config \\-\\-cflags \\-\\-libs {library}\\fP."


def parameters(member, need_ownership):
    name = member.findtext("name")
    descriptions = {
        text_of(item.find("parameternamelist/parametername")): item.find("parameterdescription")
        for item in member.find("detaileddescription").iterfind(".//parameterlist[@kind='param']/parameteritem")
    }
    out = []
    for position, parameter in enumerate(member.iterfind("param")):
        kind, called = text_of(parameter.find("type")), parameter.findtext("declname")
        if called is None:
            continue
        if called not in descriptions:
            complain(name, f"the parameter {called} is not described")
            continue
        says = text_of(descriptions[called])
        handle = position == 0 and HANDLES.search(kind)
        if need_ownership and "*" in kind and not handle and not HANDLES.search(kind) and not OWNERSHIP.search(says):
            complain(name, f"the ownership of {called} is not documented: \"{says}\"")
        about = [lines(inline(p, name)) for p in descriptions[called].iterfind("para")]
        out.append(f".TP\n.I {called}\n" + "\n".join(about))
    return "\n".join(out)


def function_page(member, header, group, version):
    """Makes the page of a function. `group`: its section of the header, whose description applies to each function."""
    name = member.findtext("name")
    about, shared = member.find("detaileddescription"), group.find("description")
    returned = text_of(member.find("type"))
    page = Page(name, brief_of(member), version)
    page.section("SYNOPSIS", synopsis(header, declared(member)))
    brief = lines(inline(member.find("briefdescription/para"), name))
    page.section("DESCRIPTION", f".PP\n{brief}\n{prose(about, name)}")
    page.section("PARAMETERS", parameters(member, True))
    page.section("RETURN VALUE", "\n".join(sections(about, "return")))
    if shared is not None and group.findtext("header"):
        page.section(escaped(group.findtext("header").upper()), prose(shared, name))
    threads = sections(about, "par", "Threads") or sections(shared, "par", "Threads")
    since = sections(about, "since")
    page.section("THREADS", "\n".join(threads))
    page.section("SINCE", "libgetlock\\-sync " + "".join(since))
    page.section("SEE ALSO", f".BR {page_of(header)} (3)" + ("" if header == "locksync.h" else ",\n.BR locksync (3)"))
    if not text_of(member.find("briefdescription")):
        complain(name, "is not described")
    if returned != "void" and not sections(about, "return"):
        complain(name, "the return value is not described")
    if "*" in returned and not any(map(OWNERSHIP.search, sections(about, "return"))):
        complain(name, "the ownership of the return value is not documented")
    if not threads:
        complain(name, "has no @par Threads")
    if not since:
        complain(name, "has no @since")
    return page


def declared(member, before=""):
    kind, name, rest = text_of(member.find("type")), member.findtext("name"), member.findtext("argsstring") or ""
    declaration = f"{before}{kind} {name}{rest};"
    return declaration.replace("* ", "*").replace("(*", " (*").replace("( *", "(*").replace("  ", " ")


def types(header, structs):
    """Returns the structs, callbacks, enumerations and opaque types of a header."""
    out = []
    for member in sorted(header.iterfind("sectiondef/memberdef"), key=lambda m: int(m.find("location").get("line"))):
        kind, name = member.get("kind"), member.findtext("name")
        if kind == "typedef" and "struct" in text_of(member.find("type")) and name in structs:
            continue # written with its members below
        if kind in ("typedef", "define") and not described(member):
            complain(name, "is not described")
        about = [lines(inline(p)) for p in member.iterfind("briefdescription/para")]
        if kind == "typedef":
            declaration = declared(member, "typedef ")
            out.append(".SS " + escaped(name) + "\n.B " + escaped(declaration) + "\n.PP\n" + "\n".join(about))
            out.append(prose(member.find("detaileddescription"), name))
            if member.find("param") is not None or "(*" in declaration:
                out.append(parameters_of_callback(member))
                out += [".PP\nReturns: " + text for text in sections(member.find("detaileddescription"), "return")]
        elif kind == "enum":
            out += [".SS Values\n" + "\n".join(about)] if about else [] # else part of the type before
            out.append(values(member))
        elif kind == "define":
            out.append(f".TP\n.B {escaped(name)}\n" + "\n".join(about))
    for name, struct in structs.items():
        about = [lines(inline(p)) for p in struct.iterfind("briefdescription/para")]
        out.append(".SS struct " + escaped(name) + "\n" + "\n".join(about))
        out.append(prose(struct.find("detaileddescription")))
        out.append(members(struct, name))
    return "\n".join(part for part in out if part)


def parameters_of_callback(member):
    items = member.iterfind(".//parameterlist[@kind='param']/parameteritem")
    out = [
        f".TP\n.I {text_of(item.find('parameternamelist'))}\n"
        + "\n".join(lines(inline(p)) for p in item.iterfind("parameterdescription/para"))
        for item in items
    ]
    if not out:
        complain(member.findtext("name"), "its parameters are not described")
    return "\n".join(out)


def values(enum):
    out = []
    for value in enum.iterfind("enumvalue"):
        name = value.findtext("name")
        if not described(value):
            complain(name, "is not described")
        about = [lines(inline(p)) for part in ("brief", "detailed") for p in value.iterfind(f"{part}description/para")]
        out.append(f".TP\n.BR {escaped(name)} \" {escaped(value.findtext('initializer') or '')}\"\n" + "\n".join(about))
    return "\n".join(out)


def members(struct, name):
    out = []
    for member in struct.iterfind("sectiondef/memberdef"):
        if not described(member):
            complain(f"{name}::{member.findtext('name')}", "is not described")
        about = [lines(inline(p)) for p in member.iterfind("briefdescription/para")]
        out.append(".TP\n.B " + escaped(declared(member)) + "\n" + "\n".join(about))
        out.append(prose(member.find("detaileddescription")).replace(".PP", ".IP"))
    return "\n".join(part for part in out if part)


def header_page(header, structs, functions, version, others):
    name = header.findtext("compoundname")
    page = Page(page_of(name), brief_of(header), version)
    page.section("SYNOPSIS", synopsis(name))
    page.section("DESCRIPTION", prose(header.find("detaileddescription")))
    page.section("TYPES AND VALUES", types(header, structs))
    page.section("FUNCTIONS", "\n".join(f".TP\n.BR {f.findtext('name')} (3)\n{brief_of(f)}" for f in functions))
    page.section("SEE ALSO", ",\n".join(f".BR {other} (3)" for other in others if other != page.name))
    if not described(header):
        complain(name, "is not described")
    return page


def main():
    folder, output, version = sys.argv[1:]
    os.makedirs(output, exist_ok=True)
    compounds = []
    for entry in sorted(os.listdir(folder)):
        if entry.endswith(".xml") and entry not in ("index.xml", "Doxyfile.xml"):
            compounds += ElementTree.parse(os.path.join(folder, entry)).getroot().findall("compounddef")
    headers = [c for c in compounds if c.get("kind") == "file"]
    structs = [c for c in compounds if c.get("kind") == "struct"]
    others = sorted(page_of(h.findtext("compoundname")) for h in headers)
    for header in headers:
        name = header.findtext("compoundname")
        own = {s.findtext("compoundname"): s for s in structs if s.find("location").get("file").endswith("/" + name)}
        functions = []
        for group in header.iterfind("sectiondef"):
            for member in group.iterfind("memberdef[@kind='function']"):
                functions.append(member)
                function_page(member, name, group, version).write(output)
        header_page(header, own, functions, version, others).write(output)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
