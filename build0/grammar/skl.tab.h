/* A Bison parser, made by GNU Bison 3.8.2.  */

/* Bison interface for Yacc-like parsers in C

   Copyright (C) 1984, 1989-1990, 2000-2015, 2018-2021 Free Software Foundation,
   Inc.

   This program is free software: you can redistribute it and/or modify
   it under the terms of the GNU General Public License as published by
   the Free Software Foundation, either version 3 of the License, or
   (at your option) any later version.

   This program is distributed in the hope that it will be useful,
   but WITHOUT ANY WARRANTY; without even the implied warranty of
   MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
   GNU General Public License for more details.

   You should have received a copy of the GNU General Public License
   along with this program.  If not, see <https://www.gnu.org/licenses/>.  */

/* As a special exception, you may create a larger work that contains
   part or all of the Bison parser skeleton and distribute that work
   under terms of your choice, so long as that work isn't itself a
   parser generator using the skeleton or a modified version thereof
   as a parser skeleton.  Alternatively, if you modify or redistribute
   the parser skeleton itself, you may (at your option) remove this
   special exception, which will cause the skeleton and the resulting
   Bison output files to be licensed under the GNU General Public
   License without this special exception.

   This special exception was added by the Free Software Foundation in
   version 2.2 of Bison.  */

/* DO NOT RELY ON FEATURES THAT ARE NOT DOCUMENTED in the manual,
   especially those whose name start with YY_ or yy_.  They are
   private implementation details that can be changed or removed.  */

#ifndef YY_SKL_BUILD0_GRAMMAR_SKL_TAB_H_INCLUDED
# define YY_SKL_BUILD0_GRAMMAR_SKL_TAB_H_INCLUDED
/* Debug traces.  */
#ifndef SKL_DEBUG
# if defined YYDEBUG
#if YYDEBUG
#   define SKL_DEBUG 1
#  else
#   define SKL_DEBUG 0
#  endif
# else /* ! defined YYDEBUG */
#  define SKL_DEBUG 0
# endif /* ! defined YYDEBUG */
#endif  /* ! defined SKL_DEBUG */
#if SKL_DEBUG
extern int skl_debug;
#endif
/* "%code requires" blocks.  */
#line 19 "grammar/skl.y"

#include "compiler/parser.h"

/* A part's span is from its first word to its last; parts that are empty have none. */
#define YYLLOC_DEFAULT(current, rhs, count)                                                   \
	((current) = rhs_span((count), &YYRHSLOC(rhs, 0)))

struct span rhs_span(int count, const struct span *parts);

#line 67 "build0/grammar/skl.tab.h"

/* Token kinds.  */
#ifndef SKL_TOKENTYPE
# define SKL_TOKENTYPE
  enum skl_tokentype
  {
    TOKEN_SKL_EMPTY = -2,
    TOKEN_END = 0,                 /* "the end of the file"  */
    TOKEN_SKL_error = 256,         /* error  */
    TOKEN_SKL_UNDEF = 257,         /* "invalid token"  */
    TOKEN_START_RULES = 258,       /* "a file of rules"  */
    TOKEN_START_DEFINITION = 259,  /* "a definition of the command line"  */
    TOKEN_START_VERDICT = 260,     /* "a lone verdict"  */
    TOKEN_NEWLINE = 261,           /* "the end of the statement"  */
    TOKEN_NAME = 262,              /* "a name"  */
    TOKEN_ADDRESS = 263,           /* "an address"  */
    TOKEN_NUMBER = 264,            /* "a number"  */
    TOKEN_STRING = 265,            /* "a text in quotes"  */
    TOKEN_DEFINED = 266,           /* "a $name"  */
    TOKEN_SET_NAME = 267,          /* "a @name"  */
    TOKEN_ENDPOINT = 268,          /* "an address and port"  */
    TOKEN_INVALID = 269,           /* "a character that has no meaning"  */
    TOKEN_BRACE_OPEN = 270,        /* "{"  */
    TOKEN_COMMA = 271,             /* ","  */
    TOKEN_BRACE_CLOSE = 272,       /* "}"  */
    TOKEN_DOT = 273,               /* "."  */
    TOKEN_COLON = 274,             /* ":"  */
    TOKEN_DASH = 275,              /* "-"  */
    TOKEN_ARROW = 276,             /* "->"  */
    TOKEN_ASSIGN = 277,            /* "="  */
    TOKEN_EQUAL = 278,             /* "=="  */
    TOKEN_UNEQUAL = 279,           /* "!="  */
    TOKEN_LESS = 280,              /* "<"  */
    TOKEN_LESS_EQUAL = 281,        /* "<="  */
    TOKEN_GREATER = 282,           /* ">"  */
    TOKEN_GREATER_EQUAL = 283,     /* ">="  */
    TOKEN_DEFINE = 284,            /* "define"  */
    TOKEN_INCLUDE = 285,           /* "include"  */
    TOKEN_POLICY = 286,            /* "policy"  */
    TOKEN_OPTION = 287,            /* "option"  */
    TOKEN_SET = 288,               /* "set"  */
    TOKEN_MAP = 289,               /* "map"  */
    TOKEN_SOCKET = 290,            /* "socket"  */
    TOKEN_CHAIN = 291,             /* "chain"  */
    TOKEN_EXPECT = 292,            /* "expect"  */
    TOKEN_TCP = 293,               /* "tcp"  */
    TOKEN_UDP = 294,               /* "udp"  */
    TOKEN_TYPE = 295,              /* "type"  */
    TOKEN_ELEMENTS = 296,          /* "elements"  */
    TOKEN_FILE_WORD = 297,         /* "file"  */
    TOKEN_UID = 298,               /* "uid"  */
    TOKEN_CGROUP = 299,            /* "cgroup"  */
    TOKEN_META = 300,              /* "meta"  */
    TOKEN_L4PROTO = 301,           /* "l4proto"  */
    TOKEN_NFPROTO = 302,           /* "nfproto"  */
    TOKEN_TH = 303,                /* "th"  */
    TOKEN_IP = 304,                /* "ip"  */
    TOKEN_IP6 = 305,               /* "ip6"  */
    TOKEN_DADDR = 306,             /* "daddr"  */
    TOKEN_DPORT = 307,             /* "dport"  */
    TOKEN_SADDR = 308,             /* "saddr"  */
    TOKEN_SPORT = 309,             /* "sport"  */
    TOKEN_IIF = 310,               /* "iif"  */
    TOKEN_IIFNAME = 311,           /* "iifname"  */
    TOKEN_VMAP = 312,              /* "vmap"  */
    TOKEN_COUNTER = 313,           /* "counter"  */
    TOKEN_COMMENT = 314,           /* "comment"  */
    TOKEN_PASS = 315,              /* "pass"  */
    TOKEN_ACCEPT = 316,            /* "accept"  */
    TOKEN_DROP = 317,              /* "drop"  */
    TOKEN_REJECT = 318,            /* "reject"  */
    TOKEN_REDIRECT = 319,          /* "redirect"  */
    TOKEN_TO = 320,                /* "to"  */
    TOKEN_NO_REUSEPORT = 321,      /* "no-reuseport"  */
    TOKEN_ELSE = 322,              /* "else"  */
    TOKEN_CONTINUE = 323,          /* "continue"  */
    TOKEN_JUMP = 324,              /* "jump"  */
    TOKEN_GOTO = 325,              /* "goto"  */
    TOKEN_RETURN = 326             /* "return"  */
  };
  typedef enum skl_tokentype skl_token_kind_t;
#endif

/* Value type.  */
#if ! defined SKL_STYPE && ! defined SKL_STYPE_IS_DECLARED
union SKL_STYPE
{
#line 29 "grammar/skl.y"

	struct literal literal;
	struct ast_name name;
	struct ast_value value;
	struct ast_values *values;
	struct ast_field_name field;
	struct ast_match *match;
	struct ast_matches matches;
	struct ast_verdict *verdict;
	struct ast_lookup *lookup;
	struct ast_keys keys;
	struct ast_elements *elements;
	struct ast_types *types;
	struct ast_line line;
	struct ast_lines *lines;
	struct ast_item *item;
	struct ast_items *items;
	struct packet_ends ends;
	enum ast_compare compare;
	enum verdict_kind kind;
	enum fallback fallback;
	enum protocol protocol;
	bool flag;

#line 180 "build0/grammar/skl.tab.h"

};
typedef union SKL_STYPE SKL_STYPE;
# define SKL_STYPE_IS_TRIVIAL 1
# define SKL_STYPE_IS_DECLARED 1
#endif

/* Location type.  */
typedef struct span SKL_LTYPE;




int skl_parse (void *scanner, struct parser *p);


#endif /* !YY_SKL_BUILD0_GRAMMAR_SKL_TAB_H_INCLUDED  */
