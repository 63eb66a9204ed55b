/* SPDX-License-Identifier: MIT */
/* Rows of the table in commands.c: fairlead policy. */
#pragma once
    {"policy check",
     "FILE",
     "check a manifest, and what it says about recorded calls",
     "The manifest is read as a run reads it.\n"
     "Which server is given which secret, and where from, is said as well; no value is read.\n"
     "With --calls, each line {\"tool\": NAME, \"args\": {…}} of FILE.jsonl is decided, in order, as calls of one "
     "run;\n"
     "Facts about a call may stand beside it: \"resolved\": {PATH: TARGET}, \"addresses\": {HOST: [ADDRESS]},\n"
     "\"labels\": [NAME], \"origins\": {\"prompt\": [TEXT], \"server/tool#/pointer\": [VALUE]}, \"tokens\": N,\n"
     "\"listing\": the pin of what the server lists (default: as it was pinned),\n"
     "\"prompt\": TEXT of the user, and the call's \"result\". What is not said is counted from line to line.\n"
     "Exit codes: 0 nothing is denied, 1 something is, 2 wrong usage or manifest.\n"
     "\n"
     "Examples:\n"
     "  fairlead policy check support.manifest.yaml\n"
     "  fairlead policy check support.manifest.yaml --calls calls.jsonl --json",
     {{"calls", 'c', "FILE.jsonl", "decide the calls of this file; - for standard input"},
      {"at", 0, "TIME", "as of this date or time (default: now)"},
      JSON_OPTION},
     "FILE",
     fl_cmd_policy_check},
    {"policy explain",
     "FILE [TOOL [ARGS]]",
     "what a manifest says about a tool or a call, and by which rule",
     "FILE is a manifest, or a graph file: then it is the manifest that the graph names, or without one the narrowest\n"
     "that the graph implies. Without TOOL it is printed. ARGS is a JSON object; without it, the question is whether\n"
     "the tool is listed to the model.\n"
     "Exit codes: 0 allowed, or a person is asked; 1 denied; 2 wrong usage or manifest.\n"
     "\n"
     "Examples:\n"
     "  fairlead policy explain support.manifest.yaml bank/send_money '{\"amount\": 900}'\n"
     "  fairlead policy explain support.yaml >support.manifest.yaml",
     {{"at", 0, "TIME", "as of this date or time (default: now)"}, JSON_OPTION},
     "FILE",
     fl_cmd_policy_explain},
    {"policy learn",
     "FILE.jsonl",
     "the narrowest manifest that recorded calls would have needed",
     "Each line is {\"tool\": NAME, \"args\": {…}}, or what 'fairlead run --json --stream events' prints; other lines\n"
     "are passed over. The manifest has the values that occurred and how often each tool was called: a beginning to\n"
     "read and to widen by hand, not a judgement of what is safe.\n"
     "\n"
     "Example:\n"
     "  fairlead run agent.yaml --json --stream events \"pay the invoice\" | fairlead policy learn - >agent.json",
     {{"id", 0, "NAME", "the manifest's id (default: learned)"}, JSON_OPTION},
     "FILE",
     fl_cmd_policy_learn},
    {"policy diff",
     "OLD NEW",
     "what differs between two manifests, and whether it lets more through",
     "Rules are compared by what they match, whatever their order. \"wider\" and \"narrower\" are said of each change\n"
     "alone.\n"
     "Exit codes: 0 nothing differs, 1 something does, 2 wrong usage or manifest.",
     {JSON_OPTION},
     "FILE",
     fl_cmd_policy_diff},
    {"policy pin",
     "FILE",
     "what the servers of a manifest say of their tools, held against what was pinned",
     "Starts or reaches each server as a run does, in its sandbox, lists its tools and ends it. A pin is the hash of\n"
     "the name, texts, schemas and annotations of all its tools; where a server has a sandbox, its program is pinned,\n"
     "too, unless that is a script: then name the interpreter in \"exec\", and the script behind it.\n"
     "With --write the pins go into FILE, and what was pinned into FILE.pins.json, so that a later change can be\n"
     "shown tool by tool. A signature of FILE does not fit any more then.\n"
     "Exit codes: 0 done, and with --check nothing differs; 1 something does, or a server does not start; 2 wrong\n"
     "usage or manifest.\n"
     "\n"
     "Examples:\n"
     "  fairlead policy pin support.manifest.yaml --write\n"
     "  fairlead policy pin support.manifest.yaml --graph support.yaml --server bank --check --json",
     {{"server", 0, "NAME", "only this one (default: all that can be started or reached)"},
      {"graph", 0, "FILE", "a graph file that says how the servers are started or reached"},
      {"write", 0, NULL, "put the pins into the manifest"},
      {"check", 0, NULL, "fail when a server is not what was pinned, or is not pinned"},
      JSON_OPTION},
     "FILE",
     fl_cmd_policy_pin},
    {"policy keygen",
     "NAME FILE",
     "make a key that signs manifests, and say what a trust file needs of it",
     "FILE gets the key (0600) and must not be there; the public half goes to standard output, as a trust file.\n"
     "\n"
     "Example:\n"
     "  fairlead policy keygen ops-2026 ops.key >> ~/.config/fairlead/trust.yaml",
     {JSON_OPTION},
     NULL,
     fl_cmd_policy_keygen},
    {"policy sign",
     "FILE --key FILE --name NAME",
     "put a signature into a manifest",
     "What is signed is the document's content: a change of spelling keeps the signature, a change of what it says\n"
     "does not. A signature that is there is replaced. The store, if there is one, has it in its audit log.",
     {{"key", 0, "FILE", "the file of the key"},
      {"name", 0, "NAME", "its name in trust files"},
      STORE_OPTION,
      JSON_OPTION},
     "FILE",
     fl_cmd_policy_sign},
    {"policy verify",
     "FILE --trust FILE",
     "whether somebody who is trusted has signed a manifest, and it was not changed since",
     "Where $FAIRLEAD_TRUST names a trust file, or fairlead/trust.yaml is in the XDG configuration folder, runs take\n"
     "signed manifests only.\n"
     "Exit codes: 0 it holds; 1 it does not; 2 wrong usage or file.",
     {{"trust", 0, "FILE", "the trust file: trust: 1, and keys: { NAME: { public: HEX, expires: DATE } }"},
      {"at", 0, "TIME", "as of this date or time (default: now)"},
      JSON_OPTION},
     "FILE",
     fl_cmd_policy_verify},
    {"policy schema", "", "the JSON Schema of manifests, for editors", NULL, {JSON_OPTION}, NULL, fl_cmd_policy_schema},
