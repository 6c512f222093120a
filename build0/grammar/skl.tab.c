/* A Bison parser, made by GNU Bison 3.8.2.  */

/* Bison implementation for Yacc-like parsers in C

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

/* C LALR(1) parser skeleton written by Richard Stallman, by
   simplifying the original so-called "semantic" parser.  */

/* DO NOT RELY ON FEATURES THAT ARE NOT DOCUMENTED in the manual,
   especially those whose name start with YY_ or yy_.  They are
   private implementation details that can be changed or removed.  */

/* All symbols defined below should begin with yy or YY, to avoid
   infringing on user name space.  This should be done even for local
   variables, as they might otherwise be expanded by user macros.
   There are some unavoidable exceptions within include files to
   define necessary library symbols; they are noted "INFRINGES ON
   USER NAME SPACE" below.  */

/* Identify Bison output, and Bison version.  */
#define YYBISON 30802

/* Bison version string.  */
#define YYBISON_VERSION "3.8.2"

/* Skeleton name.  */
#define YYSKELETON_NAME "yacc.c"

/* Pure parsers.  */
#define YYPURE 2

/* Push parsers.  */
#define YYPUSH 0

/* Pull parsers.  */
#define YYPULL 1

/* Substitute the type names.  */
#define YYSTYPE         SKL_STYPE
#define YYLTYPE         SKL_LTYPE
/* Substitute the variable and function names.  */
#define yyparse         skl_parse
#define yylex           skl_lex
#define yyerror         skl_error
#define yydebug         skl_debug
#define yynerrs         skl_nerrs


# ifndef YY_CAST
#  ifdef __cplusplus
#   define YY_CAST(Type, Val) static_cast<Type> (Val)
#   define YY_REINTERPRET_CAST(Type, Val) reinterpret_cast<Type> (Val)
#  else
#   define YY_CAST(Type, Val) ((Type) (Val))
#   define YY_REINTERPRET_CAST(Type, Val) ((Type) (Val))
#  endif
# endif
# ifndef YY_NULLPTR
#  if defined __cplusplus
#   if 201103L <= __cplusplus
#    define YY_NULLPTR nullptr
#   else
#    define YY_NULLPTR 0
#   endif
#  else
#   define YY_NULLPTR ((void*)0)
#  endif
# endif

#include "skl.tab.h"
/* Symbol kind.  */
enum yysymbol_kind_t
{
  YYSYMBOL_YYEMPTY = -2,
  YYSYMBOL_YYEOF = 0,                      /* "the end of the file"  */
  YYSYMBOL_YYerror = 1,                    /* error  */
  YYSYMBOL_YYUNDEF = 2,                    /* "invalid token"  */
  YYSYMBOL_START_RULES = 3,                /* "a file of rules"  */
  YYSYMBOL_START_DEFINITION = 4,           /* "a definition of the command line"  */
  YYSYMBOL_START_VERDICT = 5,              /* "a lone verdict"  */
  YYSYMBOL_NEWLINE = 6,                    /* "the end of the statement"  */
  YYSYMBOL_NAME = 7,                       /* "a name"  */
  YYSYMBOL_ADDRESS = 8,                    /* "an address"  */
  YYSYMBOL_NUMBER = 9,                     /* "a number"  */
  YYSYMBOL_STRING = 10,                    /* "a text in quotes"  */
  YYSYMBOL_DEFINED = 11,                   /* "a $name"  */
  YYSYMBOL_SET_NAME = 12,                  /* "a @name"  */
  YYSYMBOL_ENDPOINT = 13,                  /* "an address and port"  */
  YYSYMBOL_INVALID = 14,                   /* "a character that has no meaning"  */
  YYSYMBOL_BRACE_OPEN = 15,                /* "{"  */
  YYSYMBOL_COMMA = 16,                     /* ","  */
  YYSYMBOL_BRACE_CLOSE = 17,               /* "}"  */
  YYSYMBOL_DOT = 18,                       /* "."  */
  YYSYMBOL_COLON = 19,                     /* ":"  */
  YYSYMBOL_DASH = 20,                      /* "-"  */
  YYSYMBOL_ARROW = 21,                     /* "->"  */
  YYSYMBOL_ASSIGN = 22,                    /* "="  */
  YYSYMBOL_EQUAL = 23,                     /* "=="  */
  YYSYMBOL_UNEQUAL = 24,                   /* "!="  */
  YYSYMBOL_LESS = 25,                      /* "<"  */
  YYSYMBOL_LESS_EQUAL = 26,                /* "<="  */
  YYSYMBOL_GREATER = 27,                   /* ">"  */
  YYSYMBOL_GREATER_EQUAL = 28,             /* ">="  */
  YYSYMBOL_DEFINE = 29,                    /* "define"  */
  YYSYMBOL_INCLUDE = 30,                   /* "include"  */
  YYSYMBOL_POLICY = 31,                    /* "policy"  */
  YYSYMBOL_OPTION = 32,                    /* "option"  */
  YYSYMBOL_SET = 33,                       /* "set"  */
  YYSYMBOL_MAP = 34,                       /* "map"  */
  YYSYMBOL_SOCKET = 35,                    /* "socket"  */
  YYSYMBOL_CHAIN = 36,                     /* "chain"  */
  YYSYMBOL_EXPECT = 37,                    /* "expect"  */
  YYSYMBOL_TCP = 38,                       /* "tcp"  */
  YYSYMBOL_UDP = 39,                       /* "udp"  */
  YYSYMBOL_TYPE = 40,                      /* "type"  */
  YYSYMBOL_ELEMENTS = 41,                  /* "elements"  */
  YYSYMBOL_FILE_WORD = 42,                 /* "file"  */
  YYSYMBOL_UID = 43,                       /* "uid"  */
  YYSYMBOL_CGROUP = 44,                    /* "cgroup"  */
  YYSYMBOL_META = 45,                      /* "meta"  */
  YYSYMBOL_L4PROTO = 46,                   /* "l4proto"  */
  YYSYMBOL_NFPROTO = 47,                   /* "nfproto"  */
  YYSYMBOL_TH = 48,                        /* "th"  */
  YYSYMBOL_IP = 49,                        /* "ip"  */
  YYSYMBOL_IP6 = 50,                       /* "ip6"  */
  YYSYMBOL_DADDR = 51,                     /* "daddr"  */
  YYSYMBOL_DPORT = 52,                     /* "dport"  */
  YYSYMBOL_SADDR = 53,                     /* "saddr"  */
  YYSYMBOL_SPORT = 54,                     /* "sport"  */
  YYSYMBOL_IIF = 55,                       /* "iif"  */
  YYSYMBOL_IIFNAME = 56,                   /* "iifname"  */
  YYSYMBOL_VMAP = 57,                      /* "vmap"  */
  YYSYMBOL_COUNTER = 58,                   /* "counter"  */
  YYSYMBOL_COMMENT = 59,                   /* "comment"  */
  YYSYMBOL_PASS = 60,                      /* "pass"  */
  YYSYMBOL_ACCEPT = 61,                    /* "accept"  */
  YYSYMBOL_DROP = 62,                      /* "drop"  */
  YYSYMBOL_REJECT = 63,                    /* "reject"  */
  YYSYMBOL_REDIRECT = 64,                  /* "redirect"  */
  YYSYMBOL_TO = 65,                        /* "to"  */
  YYSYMBOL_NO_REUSEPORT = 66,              /* "no-reuseport"  */
  YYSYMBOL_ELSE = 67,                      /* "else"  */
  YYSYMBOL_CONTINUE = 68,                  /* "continue"  */
  YYSYMBOL_JUMP = 69,                      /* "jump"  */
  YYSYMBOL_GOTO = 70,                      /* "goto"  */
  YYSYMBOL_RETURN = 71,                    /* "return"  */
  YYSYMBOL_YYACCEPT = 72,                  /* $accept  */
  YYSYMBOL_start = 73,                     /* start  */
  YYSYMBOL_body = 74,                      /* body  */
  YYSYMBOL_item = 75,                      /* item  */
  YYSYMBOL_define = 76,                    /* define  */
  YYSYMBOL_defined_value = 77,             /* defined_value  */
  YYSYMBOL_include = 78,                   /* include  */
  YYSYMBOL_policy = 79,                    /* policy  */
  YYSYMBOL_end_verdict = 80,               /* end_verdict  */
  YYSYMBOL_option = 81,                    /* option  */
  YYSYMBOL_set = 82,                       /* set  */
  YYSYMBOL_set_lines = 83,                 /* set_lines  */
  YYSYMBOL_set_line = 84,                  /* set_line  */
  YYSYMBOL_map = 85,                       /* map  */
  YYSYMBOL_map_lines = 86,                 /* map_lines  */
  YYSYMBOL_map_line = 87,                  /* map_line  */
  YYSYMBOL_types = 88,                     /* types  */
  YYSYMBOL_elements = 89,                  /* elements  */
  YYSYMBOL_element_list = 90,              /* element_list  */
  YYSYMBOL_element_key = 91,               /* element_key  */
  YYSYMBOL_socket = 92,                    /* socket  */
  YYSYMBOL_socket_lines = 93,              /* socket_lines  */
  YYSYMBOL_socket_line = 94,               /* socket_line  */
  YYSYMBOL_chain = 95,                     /* chain  */
  YYSYMBOL_rules = 96,                     /* rules  */
  YYSYMBOL_expect = 97,                    /* expect  */
  YYSYMBOL_ends = 98,                      /* ends  */
  YYSYMBOL_expect_interface = 99,          /* expect_interface  */
  YYSYMBOL_interface = 100,                /* interface  */
  YYSYMBOL_rule = 101,                     /* rule  */
  YYSYMBOL_matches = 102,                  /* matches  */
  YYSYMBOL_match = 103,                    /* match  */
  YYSYMBOL_protocol = 104,                 /* protocol  */
  YYSYMBOL_field = 105,                    /* field  */
  YYSYMBOL_address_or_port = 106,          /* address_or_port  */
  YYSYMBOL_address = 107,                  /* address  */
  YYSYMBOL_port = 108,                     /* port  */
  YYSYMBOL_compare = 109,                  /* compare  */
  YYSYMBOL_values = 110,                   /* values  */
  YYSYMBOL_list = 111,                     /* list  */
  YYSYMBOL_value_list = 112,               /* value_list  */
  YYSYMBOL_value = 113,                    /* value  */
  YYSYMBOL_verdict = 114,                  /* verdict  */
  YYSYMBOL_map_word = 115,                 /* map_word  */
  YYSYMBOL_lookup = 116,                   /* lookup  */
  YYSYMBOL_key = 117,                      /* key  */
  YYSYMBOL_simple_verdict = 118,           /* simple_verdict  */
  YYSYMBOL_label = 119,                    /* label  */
  YYSYMBOL_no_reuseport = 120,             /* no_reuseport  */
  YYSYMBOL_fallback = 121,                 /* fallback  */
  YYSYMBOL_comment = 122,                  /* comment  */
  YYSYMBOL_defined = 123,                  /* defined  */
  YYSYMBOL_set_name = 124,                 /* set_name  */
  YYSYMBOL_string = 125,                   /* string  */
  YYSYMBOL_name = 126,                     /* name  */
  YYSYMBOL_value_word = 127,               /* value_word  */
  YYSYMBOL_keyword = 128                   /* keyword  */
};
typedef enum yysymbol_kind_t yysymbol_kind_t;



/* Unqualified %code blocks.  */
#line 54 "grammar/skl.y"

#include "skl.lex.h"

static void skl_error(struct span *span, void *scanner, struct parser *p, const char *message);

#line 245 "build0/grammar/skl.tab.c"

#ifdef short
# undef short
#endif

/* On compilers that do not define __PTRDIFF_MAX__ etc., make sure
   <limits.h> and (if available) <stdint.h> are included
   so that the code can choose integer types of a good width.  */

#ifndef __PTRDIFF_MAX__
# include <limits.h> /* INFRINGES ON USER NAME SPACE */
# if defined __STDC_VERSION__ && 199901 <= __STDC_VERSION__
#  include <stdint.h> /* INFRINGES ON USER NAME SPACE */
#  define YY_STDINT_H
# endif
#endif

/* Narrow types that promote to a signed type and that can represent a
   signed or unsigned integer of at least N bits.  In tables they can
   save space and decrease cache pressure.  Promoting to a signed type
   helps avoid bugs in integer arithmetic.  */

#ifdef __INT_LEAST8_MAX__
typedef __INT_LEAST8_TYPE__ yytype_int8;
#elif defined YY_STDINT_H
typedef int_least8_t yytype_int8;
#else
typedef signed char yytype_int8;
#endif

#ifdef __INT_LEAST16_MAX__
typedef __INT_LEAST16_TYPE__ yytype_int16;
#elif defined YY_STDINT_H
typedef int_least16_t yytype_int16;
#else
typedef short yytype_int16;
#endif

/* Work around bug in HP-UX 11.23, which defines these macros
   incorrectly for preprocessor constants.  This workaround can likely
   be removed in 2023, as HPE has promised support for HP-UX 11.23
   (aka HP-UX 11i v2) only through the end of 2022; see Table 2 of
   <https://h20195.www2.hpe.com/V2/getpdf.aspx/4AA4-7673ENW.pdf>.  */
#ifdef __hpux
# undef UINT_LEAST8_MAX
# undef UINT_LEAST16_MAX
# define UINT_LEAST8_MAX 255
# define UINT_LEAST16_MAX 65535
#endif

#if defined __UINT_LEAST8_MAX__ && __UINT_LEAST8_MAX__ <= __INT_MAX__
typedef __UINT_LEAST8_TYPE__ yytype_uint8;
#elif (!defined __UINT_LEAST8_MAX__ && defined YY_STDINT_H \
       && UINT_LEAST8_MAX <= INT_MAX)
typedef uint_least8_t yytype_uint8;
#elif !defined __UINT_LEAST8_MAX__ && UCHAR_MAX <= INT_MAX
typedef unsigned char yytype_uint8;
#else
typedef short yytype_uint8;
#endif

#if defined __UINT_LEAST16_MAX__ && __UINT_LEAST16_MAX__ <= __INT_MAX__
typedef __UINT_LEAST16_TYPE__ yytype_uint16;
#elif (!defined __UINT_LEAST16_MAX__ && defined YY_STDINT_H \
       && UINT_LEAST16_MAX <= INT_MAX)
typedef uint_least16_t yytype_uint16;
#elif !defined __UINT_LEAST16_MAX__ && USHRT_MAX <= INT_MAX
typedef unsigned short yytype_uint16;
#else
typedef int yytype_uint16;
#endif

#ifndef YYPTRDIFF_T
# if defined __PTRDIFF_TYPE__ && defined __PTRDIFF_MAX__
#  define YYPTRDIFF_T __PTRDIFF_TYPE__
#  define YYPTRDIFF_MAXIMUM __PTRDIFF_MAX__
# elif defined PTRDIFF_MAX
#  ifndef ptrdiff_t
#   include <stddef.h> /* INFRINGES ON USER NAME SPACE */
#  endif
#  define YYPTRDIFF_T ptrdiff_t
#  define YYPTRDIFF_MAXIMUM PTRDIFF_MAX
# else
#  define YYPTRDIFF_T long
#  define YYPTRDIFF_MAXIMUM LONG_MAX
# endif
#endif

#ifndef YYSIZE_T
# ifdef __SIZE_TYPE__
#  define YYSIZE_T __SIZE_TYPE__
# elif defined size_t
#  define YYSIZE_T size_t
# elif defined __STDC_VERSION__ && 199901 <= __STDC_VERSION__
#  include <stddef.h> /* INFRINGES ON USER NAME SPACE */
#  define YYSIZE_T size_t
# else
#  define YYSIZE_T unsigned
# endif
#endif

#define YYSIZE_MAXIMUM                                  \
  YY_CAST (YYPTRDIFF_T,                                 \
           (YYPTRDIFF_MAXIMUM < YY_CAST (YYSIZE_T, -1)  \
            ? YYPTRDIFF_MAXIMUM                         \
            : YY_CAST (YYSIZE_T, -1)))

#define YYSIZEOF(X) YY_CAST (YYPTRDIFF_T, sizeof (X))


/* Stored state numbers (used for stacks). */
typedef yytype_int16 yy_state_t;

/* State numbers in computations.  */
typedef int yy_state_fast_t;

#ifndef YY_
# if defined YYENABLE_NLS && YYENABLE_NLS
#  if ENABLE_NLS
#   include <libintl.h> /* INFRINGES ON USER NAME SPACE */
#   define YY_(Msgid) dgettext ("bison-runtime", Msgid)
#  endif
# endif
# ifndef YY_
#  define YY_(Msgid) Msgid
# endif
#endif


#ifndef YY_ATTRIBUTE_PURE
# if defined __GNUC__ && 2 < __GNUC__ + (96 <= __GNUC_MINOR__)
#  define YY_ATTRIBUTE_PURE __attribute__ ((__pure__))
# else
#  define YY_ATTRIBUTE_PURE
# endif
#endif

#ifndef YY_ATTRIBUTE_UNUSED
# if defined __GNUC__ && 2 < __GNUC__ + (7 <= __GNUC_MINOR__)
#  define YY_ATTRIBUTE_UNUSED __attribute__ ((__unused__))
# else
#  define YY_ATTRIBUTE_UNUSED
# endif
#endif

/* Suppress unused-variable warnings by "using" E.  */
#if ! defined lint || defined __GNUC__
# define YY_USE(E) ((void) (E))
#else
# define YY_USE(E) /* empty */
#endif

/* Suppress an incorrect diagnostic about yylval being uninitialized.  */
#if defined __GNUC__ && ! defined __ICC && 406 <= __GNUC__ * 100 + __GNUC_MINOR__
# if __GNUC__ * 100 + __GNUC_MINOR__ < 407
#  define YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN                           \
    _Pragma ("GCC diagnostic push")                                     \
    _Pragma ("GCC diagnostic ignored \"-Wuninitialized\"")
# else
#  define YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN                           \
    _Pragma ("GCC diagnostic push")                                     \
    _Pragma ("GCC diagnostic ignored \"-Wuninitialized\"")              \
    _Pragma ("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")
# endif
# define YY_IGNORE_MAYBE_UNINITIALIZED_END      \
    _Pragma ("GCC diagnostic pop")
#else
# define YY_INITIAL_VALUE(Value) Value
#endif
#ifndef YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN
# define YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN
# define YY_IGNORE_MAYBE_UNINITIALIZED_END
#endif
#ifndef YY_INITIAL_VALUE
# define YY_INITIAL_VALUE(Value) /* Nothing. */
#endif

#if defined __cplusplus && defined __GNUC__ && ! defined __ICC && 6 <= __GNUC__
# define YY_IGNORE_USELESS_CAST_BEGIN                          \
    _Pragma ("GCC diagnostic push")                            \
    _Pragma ("GCC diagnostic ignored \"-Wuseless-cast\"")
# define YY_IGNORE_USELESS_CAST_END            \
    _Pragma ("GCC diagnostic pop")
#endif
#ifndef YY_IGNORE_USELESS_CAST_BEGIN
# define YY_IGNORE_USELESS_CAST_BEGIN
# define YY_IGNORE_USELESS_CAST_END
#endif


#define YY_ASSERT(E) ((void) (0 && (E)))

#if 1

/* The parser invokes alloca or malloc; define the necessary symbols.  */

# ifdef YYSTACK_ALLOC
   /* Pacify GCC's 'empty if-body' warning.  */
#  define YYSTACK_FREE(Ptr) do { /* empty */; } while (0)
#  ifndef YYSTACK_ALLOC_MAXIMUM
    /* The OS might guarantee only one guard page at the bottom of the stack,
       and a page size can be as small as 4096 bytes.  So we cannot safely
       invoke alloca (N) if N exceeds 4096.  Use a slightly smaller number
       to allow for a few compiler-allocated temporary stack slots.  */
#   define YYSTACK_ALLOC_MAXIMUM 4032 /* reasonable circa 2006 */
#  endif
# else
#  define YYSTACK_ALLOC YYMALLOC
#  define YYSTACK_FREE YYFREE
#  ifndef YYSTACK_ALLOC_MAXIMUM
#   define YYSTACK_ALLOC_MAXIMUM YYSIZE_MAXIMUM
#  endif
#  if (defined __cplusplus && ! defined EXIT_SUCCESS \
       && ! ((defined YYMALLOC || defined malloc) \
             && (defined YYFREE || defined free)))
#   include <stdlib.h> /* INFRINGES ON USER NAME SPACE */
#   ifndef EXIT_SUCCESS
#    define EXIT_SUCCESS 0
#   endif
#  endif
#  ifndef YYMALLOC
#   define YYMALLOC malloc
#   if ! defined malloc && ! defined EXIT_SUCCESS
void *malloc (YYSIZE_T); /* INFRINGES ON USER NAME SPACE */
#   endif
#  endif
#  ifndef YYFREE
#   define YYFREE free
#   if ! defined free && ! defined EXIT_SUCCESS
void free (void *); /* INFRINGES ON USER NAME SPACE */
#   endif
#  endif
# endif
# define YYCOPY_NEEDED 1
#endif /* 1 */

#if (! defined yyoverflow \
     && (! defined __cplusplus \
         || (defined SKL_LTYPE_IS_TRIVIAL && SKL_LTYPE_IS_TRIVIAL \
             && defined SKL_STYPE_IS_TRIVIAL && SKL_STYPE_IS_TRIVIAL)))

/* A type that is properly aligned for any stack member.  */
union yyalloc
{
  yy_state_t yyss_alloc;
  YYSTYPE yyvs_alloc;
  YYLTYPE yyls_alloc;
};

/* The size of the maximum gap between one aligned stack and the next.  */
# define YYSTACK_GAP_MAXIMUM (YYSIZEOF (union yyalloc) - 1)

/* The size of an array large to enough to hold all stacks, each with
   N elements.  */
# define YYSTACK_BYTES(N) \
     ((N) * (YYSIZEOF (yy_state_t) + YYSIZEOF (YYSTYPE) \
             + YYSIZEOF (YYLTYPE)) \
      + 2 * YYSTACK_GAP_MAXIMUM)

# define YYCOPY_NEEDED 1

/* Relocate STACK from its old location to the new one.  The
   local variables YYSIZE and YYSTACKSIZE give the old and new number of
   elements in the stack, and YYPTR gives the new location of the
   stack.  Advance YYPTR to a properly aligned location for the next
   stack.  */
# define YYSTACK_RELOCATE(Stack_alloc, Stack)                           \
    do                                                                  \
      {                                                                 \
        YYPTRDIFF_T yynewbytes;                                         \
        YYCOPY (&yyptr->Stack_alloc, Stack, yysize);                    \
        Stack = &yyptr->Stack_alloc;                                    \
        yynewbytes = yystacksize * YYSIZEOF (*Stack) + YYSTACK_GAP_MAXIMUM; \
        yyptr += yynewbytes / YYSIZEOF (*yyptr);                        \
      }                                                                 \
    while (0)

#endif

#if defined YYCOPY_NEEDED && YYCOPY_NEEDED
/* Copy COUNT objects from SRC to DST.  The source and destination do
   not overlap.  */
# ifndef YYCOPY
#  if defined __GNUC__ && 1 < __GNUC__
#   define YYCOPY(Dst, Src, Count) \
      __builtin_memcpy (Dst, Src, YY_CAST (YYSIZE_T, (Count)) * sizeof (*(Src)))
#  else
#   define YYCOPY(Dst, Src, Count)              \
      do                                        \
        {                                       \
          YYPTRDIFF_T yyi;                      \
          for (yyi = 0; yyi < (Count); yyi++)   \
            (Dst)[yyi] = (Src)[yyi];            \
        }                                       \
      while (0)
#  endif
# endif
#endif /* !YYCOPY_NEEDED */

/* YYFINAL -- State number of the termination state.  */
#define YYFINAL  62
/* YYLAST -- Last index in YYTABLE.  */
#define YYLAST   643

/* YYNTOKENS -- Number of terminals.  */
#define YYNTOKENS  72
/* YYNNTS -- Number of nonterminals.  */
#define YYNNTS  57
/* YYNRULES -- Number of rules.  */
#define YYNRULES  211
/* YYNSTATES -- Number of states.  */
#define YYNSTATES  299

/* YYMAXUTOK -- Last valid token kind.  */
#define YYMAXUTOK   326


/* YYTRANSLATE(TOKEN-NUM) -- Symbol number corresponding to TOKEN-NUM
   as returned by yylex, with out-of-bounds checking.  */
#define YYTRANSLATE(YYX)                                \
  (0 <= (YYX) && (YYX) <= YYMAXUTOK                     \
   ? YY_CAST (yysymbol_kind_t, yytranslate[YYX])        \
   : YYSYMBOL_YYUNDEF)

/* YYTRANSLATE[TOKEN-NUM] -- Symbol number corresponding to TOKEN-NUM
   as returned by yylex.  */
static const yytype_int8 yytranslate[] =
{
       0,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     2,     2,     2,     2,
       2,     2,     2,     2,     2,     2,     1,     2,     3,     4,
       5,     6,     7,     8,     9,    10,    11,    12,    13,    14,
      15,    16,    17,    18,    19,    20,    21,    22,    23,    24,
      25,    26,    27,    28,    29,    30,    31,    32,    33,    34,
      35,    36,    37,    38,    39,    40,    41,    42,    43,    44,
      45,    46,    47,    48,    49,    50,    51,    52,    53,    54,
      55,    56,    57,    58,    59,    60,    61,    62,    63,    64,
      65,    66,    67,    68,    69,    70,    71
};

#if SKL_DEBUG
/* YYRLINE[YYN] -- Source line where rule number YYN was defined.  */
static const yytype_int16 yyrline[] =
{
       0,   111,   111,   112,   113,   117,   118,   119,   120,   124,
     124,   124,   124,   124,   124,   124,   124,   124,   124,   128,
     132,   133,   134,   138,   142,   146,   147,   148,   149,   153,
     159,   160,   161,   165,   166,   167,   168,   172,   173,   174,
     178,   179,   180,   184,   185,   186,   187,   191,   192,   193,
     197,   198,   202,   203,   204,   208,   209,   213,   214,   218,
     219,   220,   224,   225,   226,   227,   231,   232,   233,   234,
     238,   239,   240,   244,   245,   246,   247,   251,   255,   256,
     257,   261,   262,   263,   267,   268,   274,   275,   279,   280,
     284,   285,   289,   290,   295,   296,   297,   298,   299,   300,
     301,   302,   303,   304,   305,   309,   309,   313,   314,   318,
     319,   323,   324,   325,   326,   327,   328,   329,   333,   334,
     335,   339,   340,   341,   345,   346,   350,   351,   352,   353,
     354,   355,   356,   360,   361,   362,   366,   366,   370,   371,
     375,   376,   377,   381,   382,   383,   384,   385,   386,   387,
     388,   392,   393,   397,   398,   402,   403,   404,   405,   406,
     407,   411,   412,   418,   422,   426,   430,   431,   435,   435,
     435,   439,   439,   439,   439,   439,   439,   439,   439,   439,
     439,   439,   440,   440,   440,   440,   440,   440,   440,   440,
     440,   440,   440,   440,   441,   441,   441,   441,   441,   441,
     441,   441,   441,   441,   441,   442,   442,   442,   442,   442,
     442,   442
};
#endif

/** Accessing symbol of state STATE.  */
#define YY_ACCESSING_SYMBOL(State) YY_CAST (yysymbol_kind_t, yystos[State])

#if 1
/* The user-facing name of the symbol whose (internal) number is
   YYSYMBOL.  No bounds checking.  */
static const char *yysymbol_name (yysymbol_kind_t yysymbol) YY_ATTRIBUTE_UNUSED;

static const char *
yysymbol_name (yysymbol_kind_t yysymbol)
{
  static const char *const yy_sname[] =
  {
  "the end of the file", "error", "invalid token", "a file of rules",
  "a definition of the command line", "a lone verdict",
  "the end of the statement", "a name", "an address", "a number",
  "a text in quotes", "a $name", "a @name", "an address and port",
  "a character that has no meaning", "{", ",", "}", ".", ":", "-", "->",
  "=", "==", "!=", "<", "<=", ">", ">=", "define", "include", "policy",
  "option", "set", "map", "socket", "chain", "expect", "tcp", "udp",
  "type", "elements", "file", "uid", "cgroup", "meta", "l4proto",
  "nfproto", "th", "ip", "ip6", "daddr", "dport", "saddr", "sport", "iif",
  "iifname", "vmap", "counter", "comment", "pass", "accept", "drop",
  "reject", "redirect", "to", "no-reuseport", "else", "continue", "jump",
  "goto", "return", "$accept", "start", "body", "item", "define",
  "defined_value", "include", "policy", "end_verdict", "option", "set",
  "set_lines", "set_line", "map", "map_lines", "map_line", "types",
  "elements", "element_list", "element_key", "socket", "socket_lines",
  "socket_line", "chain", "rules", "expect", "ends", "expect_interface",
  "interface", "rule", "matches", "match", "protocol", "field",
  "address_or_port", "address", "port", "compare", "values", "list",
  "value_list", "value", "verdict", "map_word", "lookup", "key",
  "simple_verdict", "label", "no_reuseport", "fallback", "comment",
  "defined", "set_name", "string", "name", "value_word", "keyword", YY_NULLPTR
  };
  return yy_sname[yysymbol];
}
#endif

#define YYPACT_NINF (-162)

#define yypact_value_is_default(Yyn) \
  ((Yyn) == YYPACT_NINF)

#define YYTABLE_NINF (-139)

#define yytable_value_is_error(Yyn) \
  0

/* YYPACT[STATE-NUM] -- Index in YYTABLE of the portion describing
   STATE-NUM.  */
static const yytype_int16 yypact[] =
{
     125,  -162,   511,   121,    33,   174,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
     -11,  -162,  -162,  -162,  -162,  -162,  -162,   -44,   511,   511,
    -162,    30,  -162,    44,  -162,   511,    36,    40,   511,   511,
     511,   511,   511,    76,    50,  -162,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,   545,   316,   381,  -162,  -162,
    -162,  -162,    57,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
    -162,    70,    72,    83,   110,  -162,  -162,    60,  -162,    96,
    -162,    24,    31,    31,  -162,  -162,  -162,  -162,  -162,  -162,
     572,  -162,  -162,    17,  -162,  -162,  -162,    77,    -2,  -162,
     133,   159,  -162,    99,   183,  -162,  -162,  -162,  -162,  -162,
    -162,    94,  -162,  -162,   316,  -162,  -162,  -162,  -162,   172,
     181,    62,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
      77,  -162,  -162,  -162,  -162,  -162,  -162,    82,    36,  -162,
     351,  -162,  -162,    22,   187,   188,  -162,   106,  -162,  -162,
    -162,   129,  -162,    21,    71,     9,   251,   185,  -162,   446,
     446,   121,  -162,  -162,  -162,  -162,  -162,  -162,  -162,    24,
      24,  -162,  -162,   124,  -162,  -162,  -162,  -162,   139,  -162,
     108,  -162,     6,  -162,  -162,   511,   178,    36,     7,     8,
    -162,  -162,   511,   180,    36,    11,    12,  -162,  -162,   130,
      36,    13,   202,    14,  -162,  -162,    48,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,   128,   140,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,   198,  -162,
     203,  -162,  -162,  -162,  -162,  -162,   146,   216,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,   239,  -162,   253,   121,   511,  -162,   511,
    -162,  -162,   154,  -162,  -162,  -162,  -162,   121,  -162
};

/* YYDEFACT[STATE-NUM] -- Default reduction number in state STATE-NUM.
   Performed when YYTABLE does not specify something else to do.  Zero
   means the default is an error.  */
static const yytype_uint8 yydefact[] =
{
       0,     5,     0,     0,     0,     0,   168,   171,   172,   173,
     174,   175,   176,   177,   178,   179,   169,   170,   180,   181,
     182,   183,   184,   185,   186,   187,   188,   189,   190,   191,
     192,   193,   194,   195,   196,   197,   198,   199,   200,   201,
     202,   203,   204,   205,   206,   207,   208,   209,   210,   211,
       0,   166,   167,   143,   144,   145,   146,     0,     0,     0,
     150,     0,     1,     0,     6,     0,     0,     0,     0,     0,
       0,     0,     0,     0,     0,     9,    10,    11,    12,    13,
      14,    15,    16,    17,    18,     0,     0,     0,   148,   149,
       4,     8,     0,   165,    23,    25,    26,    27,    28,    24,
      29,     0,     0,     0,     0,    92,    93,     0,     7,     0,
      98,     0,     0,     0,   107,   109,   108,   110,   101,   103,
       0,    89,    90,   111,    94,   105,   106,   161,     0,   133,
     126,   128,   163,     0,     0,    22,    20,   132,   131,   130,
      21,   153,   152,   151,     0,    33,    43,    62,    73,    78,
       0,    81,    99,   100,   102,   104,    95,    96,    97,   138,
     161,   112,   113,   114,   115,   116,   117,     0,     0,    86,
       0,   136,   137,     0,     0,     0,   121,     0,   124,     3,
     154,   155,    19,     0,     0,     0,     0,     0,    79,     0,
       0,     0,    87,   164,    91,   120,   118,   119,   162,     0,
       0,   140,   139,     0,   135,   134,   127,   129,     0,   122,
       0,   147,     0,    34,    30,     0,     0,     0,     0,     0,
      44,    40,     0,     0,     0,     0,     0,    63,    59,     0,
       0,     0,     0,     0,    74,    70,     0,    80,    82,    85,
      84,    83,    77,   141,   142,    52,     0,     0,    57,   123,
     125,   158,   159,   156,   157,   160,    36,    32,    37,    50,
       0,    39,    35,    31,    46,    42,     0,     0,    49,    45,
      41,    65,    61,    68,    67,    69,    64,    60,    66,    76,
      72,    75,    71,     0,    53,     0,     0,     0,    38,     0,
      48,    54,     0,    58,    55,    51,    47,     0,    56
};

/* YYPGOTO[NTERM-NUM].  */
static const yytype_int16 yypgoto[] =
{
    -162,  -162,  -162,  -162,  -162,    73,  -162,  -162,  -162,  -162,
    -162,  -162,  -162,  -162,  -162,  -162,    18,   -34,  -162,   -42,
    -162,  -162,  -162,  -162,  -162,  -162,  -162,  -162,    49,    56,
    -162,  -162,   -81,  -111,  -162,    74,  -104,  -162,  -162,  -161,
    -162,  -128,   131,  -162,  -162,  -162,    -3,  -162,  -162,  -162,
      93,   167,    85,   -63,    -1,   -84,   -78
};

/* YYDEFGOTO[NTERM-NUM].  */
static const yytype_int16 yydefgoto[] =
{
       0,     4,     5,    74,    75,   134,    76,    77,    99,    78,
      79,   183,   218,    80,   184,   225,   258,   204,   246,   247,
      81,   185,   231,    82,   186,    83,   151,   191,   238,    84,
      85,   121,   107,   123,   124,   125,   126,   167,   194,   135,
     177,   136,   127,   173,   128,   202,   129,   141,   181,   211,
     169,   137,   197,   138,   240,    51,    52
};

/* YYTABLE[YYPACT[STATE-NUM]] -- What to do in state STATE-NUM.  If
   positive, shift that token.  If negative, reduce the rule whose
   number is the opposite.  If YYTABLE_NINF, syntax error.  */
static const yytype_int16 yytable[] =
{
      61,    50,   139,    94,   122,   178,   195,   156,   140,   159,
     226,    86,   256,   262,   264,   227,   170,   269,   271,   276,
     279,    87,   212,   257,   263,   265,   228,   213,   270,   272,
     277,   280,   171,    62,   193,  -138,    90,   203,   214,   196,
     161,   162,   163,   164,   165,   166,    93,   105,   106,   139,
      91,  -138,   229,   230,   281,   172,   108,    88,    89,   201,
     139,   215,   216,   217,    92,   282,   140,   100,   101,   102,
     103,   104,   219,   149,  -138,   248,   115,   220,   117,   144,
     250,   150,   114,   139,   116,   145,   143,   146,   221,     6,
     130,   131,    93,   132,   193,   243,   244,   133,   147,   288,
      95,    96,    97,    98,   232,   198,     6,   130,   131,    93,
     132,   222,   223,   224,   105,   106,   176,   189,   190,   139,
      16,    17,   208,   209,   139,   148,   239,   239,     1,     2,
       3,     6,   130,   131,    93,   132,   168,    16,    17,   273,
      93,   245,   152,   153,   283,   284,     6,   130,   131,    93,
     132,   154,   155,   174,   261,   248,   249,   293,   285,   286,
     180,   268,    16,    17,   287,   289,   274,   275,   251,   252,
     253,   254,   285,   297,    -2,    63,   255,    16,    17,   175,
      64,    53,    54,    55,    56,    57,   157,   158,   242,   179,
      58,    59,    60,   187,   188,   206,   210,   207,   237,   139,
     260,   139,   267,    65,    66,    67,    68,    69,    70,    71,
      72,    73,   -88,   -88,   259,   278,   287,   182,   133,   -88,
     -88,   259,   -88,   -88,   -88,   -88,   -88,   -88,   -88,   -88,
     -88,   203,   -88,   290,   -88,   -88,   -88,   -88,   -88,   241,
     266,   292,   236,   -88,   -88,   -88,     6,   130,   131,    93,
     132,   160,   233,   192,   142,     0,   291,   234,   205,     0,
       6,   130,   131,    93,   132,     0,     0,     0,   235,     0,
       0,     0,     0,     0,     0,     0,     0,    16,    17,     0,
       0,     0,     0,   294,     0,     0,   295,     0,   296,   -88,
     -88,    16,    17,     0,   298,     0,   -88,   -88,     0,   -88,
     -88,   -88,   -88,   -88,   -88,   -88,   -88,   -88,     0,   -88,
       0,   -88,   -88,   -88,   -88,   -88,     0,     0,     0,     0,
     -88,   -88,   -88,     6,   130,   131,    93,   132,     0,     0,
       0,   133,     0,     0,     0,     0,     0,     0,     0,     0,
       0,     0,     0,     0,     0,     7,     8,     9,    10,    11,
      12,    13,    14,    15,    16,    17,    18,    19,    20,    21,
      22,    23,    24,    25,    26,    27,    28,    29,    30,    31,
      32,    33,    34,    35,    36,    37,    38,    39,    40,    41,
      42,    43,    44,    45,    46,    47,    48,    49,     6,   199,
     200,     0,   132,     0,     0,     0,   109,   110,     0,   111,
     112,   113,   114,   115,   116,   117,   118,   119,     0,     0,
       7,     8,     9,    10,    11,    12,    13,    14,    15,    16,
      17,    18,    19,    20,    21,    22,    23,    24,    25,    26,
      27,    28,    29,    30,    31,    32,    33,    34,    35,    36,
      37,    38,    39,    40,    41,    42,    43,    44,    45,    46,
      47,    48,    49,     6,     0,     0,    93,     0,     0,     0,
       0,     0,     0,     0,     0,     0,     0,     0,     0,     0,
       0,     0,     0,     0,     0,     7,     8,     9,    10,    11,
      12,    13,    14,    15,    16,    17,    18,    19,    20,    21,
      22,    23,    24,    25,    26,    27,    28,    29,    30,    31,
      32,    33,    34,    35,    36,    37,    38,    39,    40,    41,
      42,    43,    44,    45,    46,    47,    48,    49,     6,     0,
       0,     0,     0,     0,     0,     0,     0,     0,     0,     0,
       0,     0,     0,     0,     0,     0,     0,     0,     0,     0,
       7,     8,     9,    10,    11,    12,    13,    14,    15,    16,
      17,    18,    19,    20,    21,    22,    23,    24,    25,    26,
      27,    28,    29,    30,    31,    32,    33,    34,    35,    36,
      37,    38,    39,    40,    41,    42,    43,    44,    45,    46,
      47,    48,    49,   105,   106,     0,     0,     0,     0,     0,
     109,   110,     0,   111,   112,   113,   114,   115,   116,   117,
     118,   119,     0,   120,     0,    53,    54,    55,    56,    57,
       0,     0,     0,     0,    58,    59,    60,   109,   110,     0,
     111,   112,   113,   114,   115,   116,   117,   118,   119,     0,
       0,     0,    53,    54,    55,    56,    57,     0,     0,     0,
       0,    58,    59,    60
};

static const yytype_int16 yycheck[] =
{
       3,     2,    86,    66,    85,   133,   167,   111,    86,   120,
       1,    22,     6,     6,     6,     6,    18,     6,     6,     6,
       6,    65,     1,    17,    17,    17,    17,     6,    17,    17,
      17,    17,    34,     0,    12,    18,     6,    15,    17,   167,
      23,    24,    25,    26,    27,    28,    10,    38,    39,   133,
       6,    34,    43,    44,     6,    57,     6,    58,    59,   170,
     144,    40,    41,    42,    65,    17,   144,    68,    69,    70,
      71,    72,     1,    13,    57,   203,    52,     6,    54,    22,
     208,    21,    51,   167,    53,    15,    87,    15,    17,     7,
       8,     9,    10,    11,    12,   199,   200,    15,    15,   260,
      60,    61,    62,    63,   185,   168,     7,     8,     9,    10,
      11,    40,    41,    42,    38,    39,    17,    55,    56,   203,
      38,    39,    16,    17,   208,    15,   189,   190,     3,     4,
       5,     7,     8,     9,    10,    11,    59,    38,    39,     9,
      10,    17,    46,    47,    16,    17,     7,     8,     9,    10,
      11,    55,    56,    20,   217,   283,    17,   285,    18,    19,
      66,   224,    38,    39,    18,    19,   229,   230,    60,    61,
      62,    63,    18,    19,     0,     1,    68,    38,    39,    20,
       6,    60,    61,    62,    63,    64,   112,   113,   191,     6,
      69,    70,    71,    21,    13,     8,    67,     9,    13,   283,
      22,   285,    22,    29,    30,    31,    32,    33,    34,    35,
      36,    37,    38,    39,   215,    13,    18,   144,    15,    45,
      46,   222,    48,    49,    50,    51,    52,    53,    54,    55,
      56,    15,    58,   267,    60,    61,    62,    63,    64,   190,
     222,   283,   186,    69,    70,    71,     7,     8,     9,    10,
      11,   120,     1,   160,    87,    -1,    17,     6,   173,    -1,
       7,     8,     9,    10,    11,    -1,    -1,    -1,    17,    -1,
      -1,    -1,    -1,    -1,    -1,    -1,    -1,    38,    39,    -1,
      -1,    -1,    -1,   286,    -1,    -1,   287,    -1,   289,    38,
      39,    38,    39,    -1,   297,    -1,    45,    46,    -1,    48,
      49,    50,    51,    52,    53,    54,    55,    56,    -1,    58,
      -1,    60,    61,    62,    63,    64,    -1,    -1,    -1,    -1,
      69,    70,    71,     7,     8,     9,    10,    11,    -1,    -1,
      -1,    15,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,
      -1,    -1,    -1,    -1,    -1,    29,    30,    31,    32,    33,
      34,    35,    36,    37,    38,    39,    40,    41,    42,    43,
      44,    45,    46,    47,    48,    49,    50,    51,    52,    53,
      54,    55,    56,    57,    58,    59,    60,    61,    62,    63,
      64,    65,    66,    67,    68,    69,    70,    71,     7,    38,
      39,    -1,    11,    -1,    -1,    -1,    45,    46,    -1,    48,
      49,    50,    51,    52,    53,    54,    55,    56,    -1,    -1,
      29,    30,    31,    32,    33,    34,    35,    36,    37,    38,
      39,    40,    41,    42,    43,    44,    45,    46,    47,    48,
      49,    50,    51,    52,    53,    54,    55,    56,    57,    58,
      59,    60,    61,    62,    63,    64,    65,    66,    67,    68,
      69,    70,    71,     7,    -1,    -1,    10,    -1,    -1,    -1,
      -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,
      -1,    -1,    -1,    -1,    -1,    29,    30,    31,    32,    33,
      34,    35,    36,    37,    38,    39,    40,    41,    42,    43,
      44,    45,    46,    47,    48,    49,    50,    51,    52,    53,
      54,    55,    56,    57,    58,    59,    60,    61,    62,    63,
      64,    65,    66,    67,    68,    69,    70,    71,     7,    -1,
      -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,
      -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,    -1,
      29,    30,    31,    32,    33,    34,    35,    36,    37,    38,
      39,    40,    41,    42,    43,    44,    45,    46,    47,    48,
      49,    50,    51,    52,    53,    54,    55,    56,    57,    58,
      59,    60,    61,    62,    63,    64,    65,    66,    67,    68,
      69,    70,    71,    38,    39,    -1,    -1,    -1,    -1,    -1,
      45,    46,    -1,    48,    49,    50,    51,    52,    53,    54,
      55,    56,    -1,    58,    -1,    60,    61,    62,    63,    64,
      -1,    -1,    -1,    -1,    69,    70,    71,    45,    46,    -1,
      48,    49,    50,    51,    52,    53,    54,    55,    56,    -1,
      -1,    -1,    60,    61,    62,    63,    64,    -1,    -1,    -1,
      -1,    69,    70,    71
};

/* YYSTOS[STATE-NUM] -- The symbol kind of the accessing symbol of
   state STATE-NUM.  */
static const yytype_uint8 yystos[] =
{
       0,     3,     4,     5,    73,    74,     7,    29,    30,    31,
      32,    33,    34,    35,    36,    37,    38,    39,    40,    41,
      42,    43,    44,    45,    46,    47,    48,    49,    50,    51,
      52,    53,    54,    55,    56,    57,    58,    59,    60,    61,
      62,    63,    64,    65,    66,    67,    68,    69,    70,    71,
     126,   127,   128,    60,    61,    62,    63,    64,    69,    70,
      71,   118,     0,     1,     6,    29,    30,    31,    32,    33,
      34,    35,    36,    37,    75,    76,    78,    79,    81,    82,
      85,    92,    95,    97,   101,   102,    22,    65,   126,   126,
       6,     6,   126,    10,   125,    60,    61,    62,    63,    80,
     126,   126,   126,   126,   126,    38,    39,   104,     6,    45,
      46,    48,    49,    50,    51,    52,    53,    54,    55,    56,
      58,   103,   104,   105,   106,   107,   108,   114,   116,   118,
       8,     9,    11,    15,    77,   111,   113,   123,   125,   127,
     128,   119,   123,   126,    22,    15,    15,    15,    15,    13,
      21,    98,    46,    47,    55,    56,   108,   107,   107,   105,
     114,    23,    24,    25,    26,    27,    28,   109,    59,   122,
      18,    34,    57,   115,    20,    20,    17,   112,   113,     6,
      66,   120,    77,    83,    86,    93,    96,    21,    13,    55,
      56,    99,   122,    12,   110,   111,   113,   124,   125,    38,
      39,   105,   117,    15,    89,   124,     8,     9,    16,    17,
      67,   121,     1,     6,    17,    40,    41,    42,    84,     1,
       6,    17,    40,    41,    42,    87,     1,     6,    17,    43,
      44,    94,   104,     1,     6,    17,   101,    13,   100,   125,
     126,   100,   118,   108,   108,    17,    90,    91,   113,    17,
     113,    60,    61,    62,    63,    68,     6,    17,    88,   126,
      22,   125,     6,    17,     6,    17,    88,    22,   125,     6,
      17,     6,    17,     9,   125,   125,     6,    17,    13,     6,
      17,     6,    17,    16,    17,    18,    19,    18,   111,    19,
      89,    17,    91,   113,   118,   126,   126,    19,   118
};

/* YYR1[RULE-NUM] -- Symbol kind of the left-hand side of rule RULE-NUM.  */
static const yytype_uint8 yyr1[] =
{
       0,    72,    73,    73,    73,    74,    74,    74,    74,    75,
      75,    75,    75,    75,    75,    75,    75,    75,    75,    76,
      77,    77,    77,    78,    79,    80,    80,    80,    80,    81,
      82,    82,    82,    83,    83,    83,    83,    84,    84,    84,
      85,    85,    85,    86,    86,    86,    86,    87,    87,    87,
      88,    88,    89,    89,    89,    90,    90,    91,    91,    92,
      92,    92,    93,    93,    93,    93,    94,    94,    94,    94,
      95,    95,    95,    96,    96,    96,    96,    97,    98,    98,
      98,    99,    99,    99,   100,   100,   101,   101,   102,   102,
     103,   103,   104,   104,   105,   105,   105,   105,   105,   105,
     105,   105,   105,   105,   105,   106,   106,   107,   107,   108,
     108,   109,   109,   109,   109,   109,   109,   109,   110,   110,
     110,   111,   111,   111,   112,   112,   113,   113,   113,   113,
     113,   113,   113,   114,   114,   114,   115,   115,   116,   116,
     117,   117,   117,   118,   118,   118,   118,   118,   118,   118,
     118,   119,   119,   120,   120,   121,   121,   121,   121,   121,
     121,   122,   122,   123,   124,   125,   126,   126,   127,   127,
     127,   128,   128,   128,   128,   128,   128,   128,   128,   128,
     128,   128,   128,   128,   128,   128,   128,   128,   128,   128,
     128,   128,   128,   128,   128,   128,   128,   128,   128,   128,
     128,   128,   128,   128,   128,   128,   128,   128,   128,   128,
     128,   128
};

/* YYR2[RULE-NUM] -- Number of symbols on the right-hand side of rule RULE-NUM.  */
static const yytype_int8 yyr2[] =
{
       0,     2,     2,     5,     3,     0,     2,     3,     3,     1,
       1,     1,     1,     1,     1,     1,     1,     1,     1,     4,
       1,     1,     1,     2,     2,     1,     1,     1,     1,     2,
       5,     6,     6,     0,     2,     3,     3,     2,     3,     2,
       5,     6,     6,     0,     2,     3,     3,     4,     3,     2,
       1,     3,     2,     3,     4,     3,     5,     1,     3,     5,
       6,     6,     0,     2,     3,     3,     2,     2,     2,     2,
       5,     6,     6,     0,     2,     3,     3,     5,     1,     2,
       3,     0,     2,     2,     1,     1,     3,     4,     0,     2,
       1,     3,     1,     1,     1,     2,     2,     2,     1,     2,
       2,     1,     2,     1,     2,     1,     1,     1,     1,     1,
       1,     0,     1,     1,     1,     1,     1,     1,     1,     1,
       1,     2,     3,     4,     1,     3,     1,     3,     1,     3,
       1,     1,     1,     1,     3,     3,     1,     1,     1,     3,
       1,     2,     2,     1,     1,     1,     1,     5,     2,     2,
       1,     1,     1,     0,     1,     0,     2,     2,     2,     2,
       2,     0,     2,     1,     1,     1,     1,     1,     1,     1,
       1,     1,     1,     1,     1,     1,     1,     1,     1,     1,
       1,     1,     1,     1,     1,     1,     1,     1,     1,     1,
       1,     1,     1,     1,     1,     1,     1,     1,     1,     1,
       1,     1,     1,     1,     1,     1,     1,     1,     1,     1,
       1,     1
};


enum { YYENOMEM = -2 };

#define yyerrok         (yyerrstatus = 0)
#define yyclearin       (yychar = TOKEN_SKL_EMPTY)

#define YYACCEPT        goto yyacceptlab
#define YYABORT         goto yyabortlab
#define YYERROR         goto yyerrorlab
#define YYNOMEM         goto yyexhaustedlab


#define YYRECOVERING()  (!!yyerrstatus)

#define YYBACKUP(Token, Value)                                    \
  do                                                              \
    if (yychar == TOKEN_SKL_EMPTY)                                        \
      {                                                           \
        yychar = (Token);                                         \
        yylval = (Value);                                         \
        YYPOPSTACK (yylen);                                       \
        yystate = *yyssp;                                         \
        YY_LAC_DISCARD ("YYBACKUP");                              \
        goto yybackup;                                            \
      }                                                           \
    else                                                          \
      {                                                           \
        yyerror (&yylloc, scanner, p, YY_("syntax error: cannot back up")); \
        YYERROR;                                                  \
      }                                                           \
  while (0)

/* Backward compatibility with an undocumented macro.
   Use TOKEN_SKL_error or TOKEN_SKL_UNDEF. */
#define YYERRCODE TOKEN_SKL_UNDEF

/* YYLLOC_DEFAULT -- Set CURRENT to span from RHS[1] to RHS[N].
   If N is 0, then set CURRENT to the empty location which ends
   the previous symbol: RHS[0] (always defined).  */

#ifndef YYLLOC_DEFAULT
# define YYLLOC_DEFAULT(Current, Rhs, N)                                \
    do                                                                  \
      if (N)                                                            \
        {                                                               \
          (Current).first_line   = YYRHSLOC (Rhs, 1).first_line;        \
          (Current).first_column = YYRHSLOC (Rhs, 1).first_column;      \
          (Current).last_line    = YYRHSLOC (Rhs, N).last_line;         \
          (Current).last_column  = YYRHSLOC (Rhs, N).last_column;       \
        }                                                               \
      else                                                              \
        {                                                               \
          (Current).first_line   = (Current).last_line   =              \
            YYRHSLOC (Rhs, 0).last_line;                                \
          (Current).first_column = (Current).last_column =              \
            YYRHSLOC (Rhs, 0).last_column;                              \
        }                                                               \
    while (0)
#endif

#define YYRHSLOC(Rhs, K) ((Rhs)[K])


/* Enable debugging if requested.  */
#if SKL_DEBUG

# ifndef YYFPRINTF
#  include <stdio.h> /* INFRINGES ON USER NAME SPACE */
#  define YYFPRINTF fprintf
# endif

# define YYDPRINTF(Args)                        \
do {                                            \
  if (yydebug)                                  \
    YYFPRINTF Args;                             \
} while (0)


/* YYLOCATION_PRINT -- Print the location on the stream.
   This macro was not mandated originally: define only if we know
   we won't break user code: when these are the locations we know.  */

# ifndef YYLOCATION_PRINT

#  if defined YY_LOCATION_PRINT

   /* Temporary convenience wrapper in case some people defined the
      undocumented and private YY_LOCATION_PRINT macros.  */
#   define YYLOCATION_PRINT(File, Loc)  YY_LOCATION_PRINT(File, *(Loc))

#  elif defined SKL_LTYPE_IS_TRIVIAL && SKL_LTYPE_IS_TRIVIAL

/* Print *YYLOCP on YYO.  Private, do not rely on its existence. */

YY_ATTRIBUTE_UNUSED
static int
yy_location_print_ (FILE *yyo, YYLTYPE const * const yylocp)
{
  int res = 0;
  int end_col = 0 != yylocp->last_column ? yylocp->last_column - 1 : 0;
  if (0 <= yylocp->first_line)
    {
      res += YYFPRINTF (yyo, "%d", yylocp->first_line);
      if (0 <= yylocp->first_column)
        res += YYFPRINTF (yyo, ".%d", yylocp->first_column);
    }
  if (0 <= yylocp->last_line)
    {
      if (yylocp->first_line < yylocp->last_line)
        {
          res += YYFPRINTF (yyo, "-%d", yylocp->last_line);
          if (0 <= end_col)
            res += YYFPRINTF (yyo, ".%d", end_col);
        }
      else if (0 <= end_col && yylocp->first_column < end_col)
        res += YYFPRINTF (yyo, "-%d", end_col);
    }
  return res;
}

#   define YYLOCATION_PRINT  yy_location_print_

    /* Temporary convenience wrapper in case some people defined the
       undocumented and private YY_LOCATION_PRINT macros.  */
#   define YY_LOCATION_PRINT(File, Loc)  YYLOCATION_PRINT(File, &(Loc))

#  else

#   define YYLOCATION_PRINT(File, Loc) ((void) 0)
    /* Temporary convenience wrapper in case some people defined the
       undocumented and private YY_LOCATION_PRINT macros.  */
#   define YY_LOCATION_PRINT  YYLOCATION_PRINT

#  endif
# endif /* !defined YYLOCATION_PRINT */


# define YY_SYMBOL_PRINT(Title, Kind, Value, Location)                    \
do {                                                                      \
  if (yydebug)                                                            \
    {                                                                     \
      YYFPRINTF (stderr, "%s ", Title);                                   \
      yy_symbol_print (stderr,                                            \
                  Kind, Value, Location, scanner, p); \
      YYFPRINTF (stderr, "\n");                                           \
    }                                                                     \
} while (0)


/*-----------------------------------.
| Print this symbol's value on YYO.  |
`-----------------------------------*/

static void
yy_symbol_value_print (FILE *yyo,
                       yysymbol_kind_t yykind, YYSTYPE const * const yyvaluep, YYLTYPE const * const yylocationp, void *scanner, struct parser *p)
{
  FILE *yyoutput = yyo;
  YY_USE (yyoutput);
  YY_USE (yylocationp);
  YY_USE (scanner);
  YY_USE (p);
  if (!yyvaluep)
    return;
  YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN
  YY_USE (yykind);
  YY_IGNORE_MAYBE_UNINITIALIZED_END
}


/*---------------------------.
| Print this symbol on YYO.  |
`---------------------------*/

static void
yy_symbol_print (FILE *yyo,
                 yysymbol_kind_t yykind, YYSTYPE const * const yyvaluep, YYLTYPE const * const yylocationp, void *scanner, struct parser *p)
{
  YYFPRINTF (yyo, "%s %s (",
             yykind < YYNTOKENS ? "token" : "nterm", yysymbol_name (yykind));

  YYLOCATION_PRINT (yyo, yylocationp);
  YYFPRINTF (yyo, ": ");
  yy_symbol_value_print (yyo, yykind, yyvaluep, yylocationp, scanner, p);
  YYFPRINTF (yyo, ")");
}

/*------------------------------------------------------------------.
| yy_stack_print -- Print the state stack from its BOTTOM up to its |
| TOP (included).                                                   |
`------------------------------------------------------------------*/

static void
yy_stack_print (yy_state_t *yybottom, yy_state_t *yytop)
{
  YYFPRINTF (stderr, "Stack now");
  for (; yybottom <= yytop; yybottom++)
    {
      int yybot = *yybottom;
      YYFPRINTF (stderr, " %d", yybot);
    }
  YYFPRINTF (stderr, "\n");
}

# define YY_STACK_PRINT(Bottom, Top)                            \
do {                                                            \
  if (yydebug)                                                  \
    yy_stack_print ((Bottom), (Top));                           \
} while (0)


/*------------------------------------------------.
| Report that the YYRULE is going to be reduced.  |
`------------------------------------------------*/

static void
yy_reduce_print (yy_state_t *yyssp, YYSTYPE *yyvsp, YYLTYPE *yylsp,
                 int yyrule, void *scanner, struct parser *p)
{
  int yylno = yyrline[yyrule];
  int yynrhs = yyr2[yyrule];
  int yyi;
  YYFPRINTF (stderr, "Reducing stack by rule %d (line %d):\n",
             yyrule - 1, yylno);
  /* The symbols being reduced.  */
  for (yyi = 0; yyi < yynrhs; yyi++)
    {
      YYFPRINTF (stderr, "   $%d = ", yyi + 1);
      yy_symbol_print (stderr,
                       YY_ACCESSING_SYMBOL (+yyssp[yyi + 1 - yynrhs]),
                       &yyvsp[(yyi + 1) - (yynrhs)],
                       &(yylsp[(yyi + 1) - (yynrhs)]), scanner, p);
      YYFPRINTF (stderr, "\n");
    }
}

# define YY_REDUCE_PRINT(Rule)          \
do {                                    \
  if (yydebug)                          \
    yy_reduce_print (yyssp, yyvsp, yylsp, Rule, scanner, p); \
} while (0)

/* Nonzero means print parse trace.  It is left uninitialized so that
   multiple parsers can coexist.  */
int yydebug;
#else /* !SKL_DEBUG */
# define YYDPRINTF(Args) ((void) 0)
# define YY_SYMBOL_PRINT(Title, Kind, Value, Location)
# define YY_STACK_PRINT(Bottom, Top)
# define YY_REDUCE_PRINT(Rule)
#endif /* !SKL_DEBUG */


/* YYINITDEPTH -- initial size of the parser's stacks.  */
#ifndef YYINITDEPTH
# define YYINITDEPTH 200
#endif

/* YYMAXDEPTH -- maximum size the stacks can grow to (effective only
   if the built-in stack extension method is used).

   Do not make this value too large; the results are undefined if
   YYSTACK_ALLOC_MAXIMUM < YYSTACK_BYTES (YYMAXDEPTH)
   evaluated with infinite-precision integer arithmetic.  */

#ifndef YYMAXDEPTH
# define YYMAXDEPTH 10000
#endif


/* Given a state stack such that *YYBOTTOM is its bottom, such that
   *YYTOP is either its top or is YYTOP_EMPTY to indicate an empty
   stack, and such that *YYCAPACITY is the maximum number of elements it
   can hold without a reallocation, make sure there is enough room to
   store YYADD more elements.  If not, allocate a new stack using
   YYSTACK_ALLOC, copy the existing elements, and adjust *YYBOTTOM,
   *YYTOP, and *YYCAPACITY to reflect the new capacity and memory
   location.  If *YYBOTTOM != YYBOTTOM_NO_FREE, then free the old stack
   using YYSTACK_FREE.  Return 0 if successful or if no reallocation is
   required.  Return YYENOMEM if memory is exhausted.  */
static int
yy_lac_stack_realloc (YYPTRDIFF_T *yycapacity, YYPTRDIFF_T yyadd,
#if SKL_DEBUG
                      char const *yydebug_prefix,
                      char const *yydebug_suffix,
#endif
                      yy_state_t **yybottom,
                      yy_state_t *yybottom_no_free,
                      yy_state_t **yytop, yy_state_t *yytop_empty)
{
  YYPTRDIFF_T yysize_old =
    *yytop == yytop_empty ? 0 : *yytop - *yybottom + 1;
  YYPTRDIFF_T yysize_new = yysize_old + yyadd;
  if (*yycapacity < yysize_new)
    {
      YYPTRDIFF_T yyalloc = 2 * yysize_new;
      yy_state_t *yybottom_new;
      /* Use YYMAXDEPTH for maximum stack size given that the stack
         should never need to grow larger than the main state stack
         needs to grow without LAC.  */
      if (YYMAXDEPTH < yysize_new)
        {
          YYDPRINTF ((stderr, "%smax size exceeded%s", yydebug_prefix,
                      yydebug_suffix));
          return YYENOMEM;
        }
      if (YYMAXDEPTH < yyalloc)
        yyalloc = YYMAXDEPTH;
      yybottom_new =
        YY_CAST (yy_state_t *,
                 YYSTACK_ALLOC (YY_CAST (YYSIZE_T,
                                         yyalloc * YYSIZEOF (*yybottom_new))));
      if (!yybottom_new)
        {
          YYDPRINTF ((stderr, "%srealloc failed%s", yydebug_prefix,
                      yydebug_suffix));
          return YYENOMEM;
        }
      if (*yytop != yytop_empty)
        {
          YYCOPY (yybottom_new, *yybottom, yysize_old);
          *yytop = yybottom_new + (yysize_old - 1);
        }
      if (*yybottom != yybottom_no_free)
        YYSTACK_FREE (*yybottom);
      *yybottom = yybottom_new;
      *yycapacity = yyalloc;
    }
  return 0;
}

/* Establish the initial context for the current lookahead if no initial
   context is currently established.

   We define a context as a snapshot of the parser stacks.  We define
   the initial context for a lookahead as the context in which the
   parser initially examines that lookahead in order to select a
   syntactic action.  Thus, if the lookahead eventually proves
   syntactically unacceptable (possibly in a later context reached via a
   series of reductions), the initial context can be used to determine
   the exact set of tokens that would be syntactically acceptable in the
   lookahead's place.  Moreover, it is the context after which any
   further semantic actions would be erroneous because they would be
   determined by a syntactically unacceptable token.

   YY_LAC_ESTABLISH should be invoked when a reduction is about to be
   performed in an inconsistent state (which, for the purposes of LAC,
   includes consistent states that don't know they're consistent because
   their default reductions have been disabled).  Iff there is a
   lookahead token, it should also be invoked before reporting a syntax
   error.  This latter case is for the sake of the debugging output.

   For parse.lac=full, the implementation of YY_LAC_ESTABLISH is as
   follows.  If no initial context is currently established for the
   current lookahead, then check if that lookahead can eventually be
   shifted if syntactic actions continue from the current context.
   Report a syntax error if it cannot.  */
#define YY_LAC_ESTABLISH                                                \
do {                                                                    \
  if (!yy_lac_established)                                              \
    {                                                                   \
      YYDPRINTF ((stderr,                                               \
                  "LAC: initial context established for %s\n",          \
                  yysymbol_name (yytoken)));                            \
      yy_lac_established = 1;                                           \
      switch (yy_lac (yyesa, &yyes, &yyes_capacity, yyssp, yytoken))    \
        {                                                               \
        case YYENOMEM:                                                  \
          YYNOMEM;                                                      \
        case 1:                                                         \
          goto yyerrlab;                                                \
        }                                                               \
    }                                                                   \
} while (0)

/* Discard any previous initial lookahead context because of Event,
   which may be a lookahead change or an invalidation of the currently
   established initial context for the current lookahead.

   The most common example of a lookahead change is a shift.  An example
   of both cases is syntax error recovery.  That is, a syntax error
   occurs when the lookahead is syntactically erroneous for the
   currently established initial context, so error recovery manipulates
   the parser stacks to try to find a new initial context in which the
   current lookahead is syntactically acceptable.  If it fails to find
   such a context, it discards the lookahead.  */
#if SKL_DEBUG
# define YY_LAC_DISCARD(Event)                                           \
do {                                                                     \
  if (yy_lac_established)                                                \
    {                                                                    \
      YYDPRINTF ((stderr, "LAC: initial context discarded due to "       \
                  Event "\n"));                                          \
      yy_lac_established = 0;                                            \
    }                                                                    \
} while (0)
#else
# define YY_LAC_DISCARD(Event) yy_lac_established = 0
#endif

/* Given the stack whose top is *YYSSP, return 0 iff YYTOKEN can
   eventually (after perhaps some reductions) be shifted, return 1 if
   not, or return YYENOMEM if memory is exhausted.  As preconditions and
   postconditions: *YYES_CAPACITY is the allocated size of the array to
   which *YYES points, and either *YYES = YYESA or *YYES points to an
   array allocated with YYSTACK_ALLOC.  yy_lac may overwrite the
   contents of either array, alter *YYES and *YYES_CAPACITY, and free
   any old *YYES other than YYESA.  */
static int
yy_lac (yy_state_t *yyesa, yy_state_t **yyes,
        YYPTRDIFF_T *yyes_capacity, yy_state_t *yyssp, yysymbol_kind_t yytoken)
{
  yy_state_t *yyes_prev = yyssp;
  yy_state_t *yyesp = yyes_prev;
  /* Reduce until we encounter a shift and thereby accept the token.  */
  YYDPRINTF ((stderr, "LAC: checking lookahead %s:", yysymbol_name (yytoken)));
  if (yytoken == YYSYMBOL_YYUNDEF)
    {
      YYDPRINTF ((stderr, " Always Err\n"));
      return 1;
    }
  while (1)
    {
      int yyrule = yypact[+*yyesp];
      if (yypact_value_is_default (yyrule)
          || (yyrule += yytoken) < 0 || YYLAST < yyrule
          || yycheck[yyrule] != yytoken)
        {
          /* Use the default action.  */
          yyrule = yydefact[+*yyesp];
          if (yyrule == 0)
            {
              YYDPRINTF ((stderr, " Err\n"));
              return 1;
            }
        }
      else
        {
          /* Use the action from yytable.  */
          yyrule = yytable[yyrule];
          if (yytable_value_is_error (yyrule))
            {
              YYDPRINTF ((stderr, " Err\n"));
              return 1;
            }
          if (0 < yyrule)
            {
              YYDPRINTF ((stderr, " S%d\n", yyrule));
              return 0;
            }
          yyrule = -yyrule;
        }
      /* By now we know we have to simulate a reduce.  */
      YYDPRINTF ((stderr, " R%d", yyrule - 1));
      {
        /* Pop the corresponding number of values from the stack.  */
        YYPTRDIFF_T yylen = yyr2[yyrule];
        /* First pop from the LAC stack as many tokens as possible.  */
        if (yyesp != yyes_prev)
          {
            YYPTRDIFF_T yysize = yyesp - *yyes + 1;
            if (yylen < yysize)
              {
                yyesp -= yylen;
                yylen = 0;
              }
            else
              {
                yyesp = yyes_prev;
                yylen -= yysize;
              }
          }
        /* Only afterwards look at the main stack.  */
        if (yylen)
          yyesp = yyes_prev -= yylen;
      }
      /* Push the resulting state of the reduction.  */
      {
        yy_state_fast_t yystate;
        {
          const int yylhs = yyr1[yyrule] - YYNTOKENS;
          const int yyi = yypgoto[yylhs] + *yyesp;
          yystate = (0 <= yyi && yyi <= YYLAST && yycheck[yyi] == *yyesp
                     ? yytable[yyi]
                     : yydefgoto[yylhs]);
        }
        if (yyesp == yyes_prev)
          {
            yyesp = *yyes;
            YY_IGNORE_USELESS_CAST_BEGIN
            *yyesp = YY_CAST (yy_state_t, yystate);
            YY_IGNORE_USELESS_CAST_END
          }
        else
          {
            if (yy_lac_stack_realloc (yyes_capacity, 1,
#if SKL_DEBUG
                                      " (", ")",
#endif
                                      yyes, yyesa, &yyesp, yyes_prev))
              {
                YYDPRINTF ((stderr, "\n"));
                return YYENOMEM;
              }
            YY_IGNORE_USELESS_CAST_BEGIN
            *++yyesp = YY_CAST (yy_state_t, yystate);
            YY_IGNORE_USELESS_CAST_END
          }
        YYDPRINTF ((stderr, " G%d", yystate));
      }
    }
}

/* Context of a parse error.  */
typedef struct
{
  yy_state_t *yyssp;
  yy_state_t *yyesa;
  yy_state_t **yyes;
  YYPTRDIFF_T *yyes_capacity;
  yysymbol_kind_t yytoken;
  YYLTYPE *yylloc;
} yypcontext_t;

/* Put in YYARG at most YYARGN of the expected tokens given the
   current YYCTX, and return the number of tokens stored in YYARG.  If
   YYARG is null, return the number of expected tokens (guaranteed to
   be less than YYNTOKENS).  Return YYENOMEM on memory exhaustion.
   Return 0 if there are more than YYARGN expected tokens, yet fill
   YYARG up to YYARGN. */
static int
yypcontext_expected_tokens (const yypcontext_t *yyctx,
                            yysymbol_kind_t yyarg[], int yyargn)
{
  /* Actual size of YYARG. */
  int yycount = 0;

  int yyx;
  for (yyx = 0; yyx < YYNTOKENS; ++yyx)
    {
      yysymbol_kind_t yysym = YY_CAST (yysymbol_kind_t, yyx);
      if (yysym != YYSYMBOL_YYerror && yysym != YYSYMBOL_YYUNDEF)
        switch (yy_lac (yyctx->yyesa, yyctx->yyes, yyctx->yyes_capacity, yyctx->yyssp, yysym))
          {
          case YYENOMEM:
            return YYENOMEM;
          case 1:
            continue;
          default:
            if (!yyarg)
              ++yycount;
            else if (yycount == yyargn)
              return 0;
            else
              yyarg[yycount++] = yysym;
          }
    }
  if (yyarg && yycount == 0 && 0 < yyargn)
    yyarg[0] = YYSYMBOL_YYEMPTY;
  return yycount;
}




/* The kind of the lookahead of this context.  */
static yysymbol_kind_t
yypcontext_token (const yypcontext_t *yyctx) YY_ATTRIBUTE_UNUSED;

static yysymbol_kind_t
yypcontext_token (const yypcontext_t *yyctx)
{
  return yyctx->yytoken;
}

/* The location of the lookahead of this context.  */
static YYLTYPE *
yypcontext_location (const yypcontext_t *yyctx) YY_ATTRIBUTE_UNUSED;

static YYLTYPE *
yypcontext_location (const yypcontext_t *yyctx)
{
  return yyctx->yylloc;
}

/* User defined function to report a syntax error.  */
static int
yyreport_syntax_error (const yypcontext_t *yyctx, void *scanner, struct parser *p);

/*-----------------------------------------------.
| Release the memory associated to this symbol.  |
`-----------------------------------------------*/

static void
yydestruct (const char *yymsg,
            yysymbol_kind_t yykind, YYSTYPE *yyvaluep, YYLTYPE *yylocationp, void *scanner, struct parser *p)
{
  YY_USE (yyvaluep);
  YY_USE (yylocationp);
  YY_USE (scanner);
  YY_USE (p);
  if (!yymsg)
    yymsg = "Deleting";
  YY_SYMBOL_PRINT (yymsg, yykind, yyvaluep, yylocationp);

  YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN
  YY_USE (yykind);
  YY_IGNORE_MAYBE_UNINITIALIZED_END
}






/*----------.
| yyparse.  |
`----------*/

int
yyparse (void *scanner, struct parser *p)
{
/* Lookahead token kind.  */
int yychar;


/* The semantic value of the lookahead symbol.  */
/* Default value used for initialization, for pacifying older GCCs
   or non-GCC compilers.  */
YY_INITIAL_VALUE (static YYSTYPE yyval_default;)
YYSTYPE yylval YY_INITIAL_VALUE (= yyval_default);

/* Location data for the lookahead symbol.  */
static YYLTYPE yyloc_default
# if defined SKL_LTYPE_IS_TRIVIAL && SKL_LTYPE_IS_TRIVIAL
  = { 1, 1, 1, 1 }
# endif
;
YYLTYPE yylloc = yyloc_default;

    /* Number of syntax errors so far.  */
    int yynerrs = 0;

    yy_state_fast_t yystate = 0;
    /* Number of tokens to shift before error messages enabled.  */
    int yyerrstatus = 0;

    /* Refer to the stacks through separate pointers, to allow yyoverflow
       to reallocate them elsewhere.  */

    /* Their size.  */
    YYPTRDIFF_T yystacksize = YYINITDEPTH;

    /* The state stack: array, bottom, top.  */
    yy_state_t yyssa[YYINITDEPTH];
    yy_state_t *yyss = yyssa;
    yy_state_t *yyssp = yyss;

    /* The semantic value stack: array, bottom, top.  */
    YYSTYPE yyvsa[YYINITDEPTH];
    YYSTYPE *yyvs = yyvsa;
    YYSTYPE *yyvsp = yyvs;

    /* The location stack: array, bottom, top.  */
    YYLTYPE yylsa[YYINITDEPTH];
    YYLTYPE *yyls = yylsa;
    YYLTYPE *yylsp = yyls;

    yy_state_t yyesa[20];
    yy_state_t *yyes = yyesa;
    YYPTRDIFF_T yyes_capacity = 20 < YYMAXDEPTH ? 20 : YYMAXDEPTH;

  /* Whether LAC context is established.  A Boolean.  */
  int yy_lac_established = 0;
  int yyn;
  /* The return value of yyparse.  */
  int yyresult;
  /* Lookahead symbol kind.  */
  yysymbol_kind_t yytoken = YYSYMBOL_YYEMPTY;
  /* The variables used to return semantic value and location from the
     action routines.  */
  YYSTYPE yyval;
  YYLTYPE yyloc;

  /* The locations where the error started and ended.  */
  YYLTYPE yyerror_range[3];



#define YYPOPSTACK(N)   (yyvsp -= (N), yyssp -= (N), yylsp -= (N))

  /* The number of symbols on the RHS of the reduced rule.
     Keep to zero when no symbol should be popped.  */
  int yylen = 0;

  YYDPRINTF ((stderr, "Starting parse\n"));

  yychar = TOKEN_SKL_EMPTY; /* Cause a token to be read.  */


/* User initialization code.  */
#line 17 "grammar/skl.y"
{ yylloc = (struct span){p->position, p->position}; }

#line 1717 "build0/grammar/skl.tab.c"

  yylsp[0] = yylloc;
  goto yysetstate;


/*------------------------------------------------------------.
| yynewstate -- push a new state, which is found in yystate.  |
`------------------------------------------------------------*/
yynewstate:
  /* In all cases, when you get here, the value and location stacks
     have just been pushed.  So pushing a state here evens the stacks.  */
  yyssp++;


/*--------------------------------------------------------------------.
| yysetstate -- set current state (the top of the stack) to yystate.  |
`--------------------------------------------------------------------*/
yysetstate:
  YYDPRINTF ((stderr, "Entering state %d\n", yystate));
  YY_ASSERT (0 <= yystate && yystate < YYNSTATES);
  YY_IGNORE_USELESS_CAST_BEGIN
  *yyssp = YY_CAST (yy_state_t, yystate);
  YY_IGNORE_USELESS_CAST_END
  YY_STACK_PRINT (yyss, yyssp);

  if (yyss + yystacksize - 1 <= yyssp)
#if !defined yyoverflow && !defined YYSTACK_RELOCATE
    YYNOMEM;
#else
    {
      /* Get the current used size of the three stacks, in elements.  */
      YYPTRDIFF_T yysize = yyssp - yyss + 1;

# if defined yyoverflow
      {
        /* Give user a chance to reallocate the stack.  Use copies of
           these so that the &'s don't force the real ones into
           memory.  */
        yy_state_t *yyss1 = yyss;
        YYSTYPE *yyvs1 = yyvs;
        YYLTYPE *yyls1 = yyls;

        /* Each stack pointer address is followed by the size of the
           data in use in that stack, in bytes.  This used to be a
           conditional around just the two extra args, but that might
           be undefined if yyoverflow is a macro.  */
        yyoverflow (YY_("memory exhausted"),
                    &yyss1, yysize * YYSIZEOF (*yyssp),
                    &yyvs1, yysize * YYSIZEOF (*yyvsp),
                    &yyls1, yysize * YYSIZEOF (*yylsp),
                    &yystacksize);
        yyss = yyss1;
        yyvs = yyvs1;
        yyls = yyls1;
      }
# else /* defined YYSTACK_RELOCATE */
      /* Extend the stack our own way.  */
      if (YYMAXDEPTH <= yystacksize)
        YYNOMEM;
      yystacksize *= 2;
      if (YYMAXDEPTH < yystacksize)
        yystacksize = YYMAXDEPTH;

      {
        yy_state_t *yyss1 = yyss;
        union yyalloc *yyptr =
          YY_CAST (union yyalloc *,
                   YYSTACK_ALLOC (YY_CAST (YYSIZE_T, YYSTACK_BYTES (yystacksize))));
        if (! yyptr)
          YYNOMEM;
        YYSTACK_RELOCATE (yyss_alloc, yyss);
        YYSTACK_RELOCATE (yyvs_alloc, yyvs);
        YYSTACK_RELOCATE (yyls_alloc, yyls);
#  undef YYSTACK_RELOCATE
        if (yyss1 != yyssa)
          YYSTACK_FREE (yyss1);
      }
# endif

      yyssp = yyss + yysize - 1;
      yyvsp = yyvs + yysize - 1;
      yylsp = yyls + yysize - 1;

      YY_IGNORE_USELESS_CAST_BEGIN
      YYDPRINTF ((stderr, "Stack size increased to %ld\n",
                  YY_CAST (long, yystacksize)));
      YY_IGNORE_USELESS_CAST_END

      if (yyss + yystacksize - 1 <= yyssp)
        YYABORT;
    }
#endif /* !defined yyoverflow && !defined YYSTACK_RELOCATE */


  if (yystate == YYFINAL)
    YYACCEPT;

  goto yybackup;


/*-----------.
| yybackup.  |
`-----------*/
yybackup:
  /* Do appropriate processing given the current state.  Read a
     lookahead token if we need one and don't already have one.  */

  /* First try to decide what to do without reference to lookahead token.  */
  yyn = yypact[yystate];
  if (yypact_value_is_default (yyn))
    goto yydefault;

  /* Not known => get a lookahead token if don't already have one.  */

  /* YYCHAR is either empty, or end-of-input, or a valid lookahead.  */
  if (yychar == TOKEN_SKL_EMPTY)
    {
      YYDPRINTF ((stderr, "Reading a token\n"));
      yychar = yylex (&yylval, &yylloc, scanner);
    }

  if (yychar <= TOKEN_END)
    {
      yychar = TOKEN_END;
      yytoken = YYSYMBOL_YYEOF;
      YYDPRINTF ((stderr, "Now at end of input.\n"));
    }
  else if (yychar == TOKEN_SKL_error)
    {
      /* The scanner already issued an error message, process directly
         to error recovery.  But do not keep the error token as
         lookahead, it is too special and may lead us to an endless
         loop in error recovery. */
      yychar = TOKEN_SKL_UNDEF;
      yytoken = YYSYMBOL_YYerror;
      yyerror_range[1] = yylloc;
      goto yyerrlab1;
    }
  else
    {
      yytoken = YYTRANSLATE (yychar);
      YY_SYMBOL_PRINT ("Next token is", yytoken, &yylval, &yylloc);
    }

  /* If the proper action on seeing token YYTOKEN is to reduce or to
     detect an error, take that action.  */
  yyn += yytoken;
  if (yyn < 0 || YYLAST < yyn || yycheck[yyn] != yytoken)
    {
      YY_LAC_ESTABLISH;
      goto yydefault;
    }
  yyn = yytable[yyn];
  if (yyn <= 0)
    {
      if (yytable_value_is_error (yyn))
        goto yyerrlab;
      yyn = -yyn;
      YY_LAC_ESTABLISH;
      goto yyreduce;
    }

  /* Count tokens shifted since error; after three, turn off error
     status.  */
  if (yyerrstatus)
    yyerrstatus--;

  /* Shift the lookahead token.  */
  YY_SYMBOL_PRINT ("Shifting", yytoken, &yylval, &yylloc);
  yystate = yyn;
  YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN
  *++yyvsp = yylval;
  YY_IGNORE_MAYBE_UNINITIALIZED_END
  *++yylsp = yylloc;

  /* Discard the shifted token.  */
  yychar = TOKEN_SKL_EMPTY;
  YY_LAC_DISCARD ("shift");
  goto yynewstate;


/*-----------------------------------------------------------.
| yydefault -- do the default action for the current state.  |
`-----------------------------------------------------------*/
yydefault:
  yyn = yydefact[yystate];
  if (yyn == 0)
    goto yyerrlab;
  goto yyreduce;


/*-----------------------------.
| yyreduce -- do a reduction.  |
`-----------------------------*/
yyreduce:
  /* yyn is the number of a rule to reduce with.  */
  yylen = yyr2[yyn];

  /* If YYLEN is nonzero, implement the default value of the action:
     '$$ = $1'.

     Otherwise, the following line sets YYVAL to garbage.
     This behavior is undocumented and Bison
     users should not rely upon it.  Assigning to YYVAL
     unconditionally makes the parser a bit smaller, and it avoids a
     GCC warning that YYVAL may be used uninitialized.  */
  yyval = yyvsp[1-yylen];

  /* Default location. */
  YYLLOC_DEFAULT (yyloc, (yylsp - yylen), yylen);
  yyerror_range[1] = yyloc;
  YY_REDUCE_PRINT (yyn);
  {
    int yychar_backup = yychar;
    switch (yyn)
      {
  case 3: /* start: "a definition of the command line" name "=" defined_value "the end of the statement"  */
#line 112 "grammar/skl.y"
                                                                { ast_define(p, (yyloc), (yyvsp[-3].name), (yyvsp[-1].values)); }
#line 1937 "build0/grammar/skl.tab.c"
    break;

  case 4: /* start: "a lone verdict" simple_verdict "the end of the statement"  */
#line 113 "grammar/skl.y"
                                                { p->verdict = (yyvsp[-1].verdict); }
#line 1943 "build0/grammar/skl.tab.c"
    break;

  case 5: /* body: %empty  */
#line 117 "grammar/skl.y"
                { (yyval.items) = p->items; }
#line 1949 "build0/grammar/skl.tab.c"
    break;

  case 7: /* body: body item "the end of the statement"  */
#line 119 "grammar/skl.y"
                                { (yyval.items) = ast_items_add(p, (yyvsp[-2].items), (yyvsp[-1].item)); }
#line 1955 "build0/grammar/skl.tab.c"
    break;

  case 8: /* body: body error "the end of the statement"  */
#line 120 "grammar/skl.y"
                                { yyerrok; }
#line 1961 "build0/grammar/skl.tab.c"
    break;

  case 19: /* define: "define" name "=" defined_value  */
#line 128 "grammar/skl.y"
                                                { (yyval.item) = ast_define(p, (yyloc), (yyvsp[-2].name), (yyvsp[0].values)); }
#line 1967 "build0/grammar/skl.tab.c"
    break;

  case 20: /* defined_value: value  */
#line 132 "grammar/skl.y"
                { (yyval.values) = ast_single(p, (yyvsp[0].value)); }
#line 1973 "build0/grammar/skl.tab.c"
    break;

  case 21: /* defined_value: keyword  */
#line 133 "grammar/skl.y"
                { (yyval.values) = ast_single(p, ast_named(AST_VALUE_WORD, ast_name(p, (yylsp[0])), (yylsp[0]))); }
#line 1979 "build0/grammar/skl.tab.c"
    break;

  case 23: /* include: "include" string  */
#line 138 "grammar/skl.y"
                        { (yyval.item) = ast_include(p, (yyloc), (yyvsp[0].name)); }
#line 1985 "build0/grammar/skl.tab.c"
    break;

  case 24: /* policy: "policy" end_verdict  */
#line 142 "grammar/skl.y"
                                { (yyval.item) = ast_policy(p, (yyloc), (yyvsp[0].kind)); }
#line 1991 "build0/grammar/skl.tab.c"
    break;

  case 25: /* end_verdict: "pass"  */
#line 146 "grammar/skl.y"
                { (yyval.kind) = VERDICT_PASS; }
#line 1997 "build0/grammar/skl.tab.c"
    break;

  case 26: /* end_verdict: "accept"  */
#line 147 "grammar/skl.y"
                { (yyval.kind) = VERDICT_PASS; }
#line 2003 "build0/grammar/skl.tab.c"
    break;

  case 27: /* end_verdict: "drop"  */
#line 148 "grammar/skl.y"
                { (yyval.kind) = VERDICT_DROP; }
#line 2009 "build0/grammar/skl.tab.c"
    break;

  case 28: /* end_verdict: "reject"  */
#line 149 "grammar/skl.y"
                { (yyval.kind) = VERDICT_DROP; }
#line 2015 "build0/grammar/skl.tab.c"
    break;

  case 29: /* option: "option" name  */
#line 153 "grammar/skl.y"
                        { (yyval.item) = ast_option(p, (yyloc), (yyvsp[0].name)); }
#line 2021 "build0/grammar/skl.tab.c"
    break;

  case 30: /* set: "set" name "{" set_lines "}"  */
#line 159 "grammar/skl.y"
                                                        { (yyval.item) = ast_set(p, (yyloc), (yyvsp[-3].name), (yyvsp[-1].lines)); }
#line 2027 "build0/grammar/skl.tab.c"
    break;

  case 31: /* set: "set" name "{" set_lines set_line "}"  */
#line 160 "grammar/skl.y"
                                                                { (yyval.item) = ast_set(p, (yyloc), (yyvsp[-4].name), ast_lines_add(p, (yyvsp[-2].lines), (yyvsp[-1].line))); }
#line 2033 "build0/grammar/skl.tab.c"
    break;

  case 32: /* set: "set" name "{" set_lines error "}"  */
#line 161 "grammar/skl.y"
                                                        { (yyval.item) = ast_set(p, (yyloc), (yyvsp[-4].name), (yyvsp[-2].lines)); }
#line 2039 "build0/grammar/skl.tab.c"
    break;

  case 33: /* set_lines: %empty  */
#line 165 "grammar/skl.y"
                { (yyval.lines) = ast_lines(p); }
#line 2045 "build0/grammar/skl.tab.c"
    break;

  case 35: /* set_lines: set_lines set_line "the end of the statement"  */
#line 167 "grammar/skl.y"
                                        { (yyval.lines) = ast_lines_add(p, (yyvsp[-2].lines), (yyvsp[-1].line)); }
#line 2051 "build0/grammar/skl.tab.c"
    break;

  case 36: /* set_lines: set_lines error "the end of the statement"  */
#line 168 "grammar/skl.y"
                                { yyerrok; }
#line 2057 "build0/grammar/skl.tab.c"
    break;

  case 37: /* set_line: "type" types  */
#line 172 "grammar/skl.y"
                        { (yyval.line) = ast_type_line((yyloc), (yyvsp[0].types)); }
#line 2063 "build0/grammar/skl.tab.c"
    break;

  case 38: /* set_line: "elements" "=" list  */
#line 173 "grammar/skl.y"
                                { (yyval.line) = ast_values_line((yyloc), (yyvsp[0].values)); }
#line 2069 "build0/grammar/skl.tab.c"
    break;

  case 39: /* set_line: "file" string  */
#line 174 "grammar/skl.y"
                                { (yyval.line) = ast_name_line(LINE_FILE, (yyloc), (yyvsp[0].name)); }
#line 2075 "build0/grammar/skl.tab.c"
    break;

  case 40: /* map: "map" name "{" map_lines "}"  */
#line 178 "grammar/skl.y"
                                                        { (yyval.item) = ast_map(p, (yyloc), (yyvsp[-3].name), (yyvsp[-1].lines)); }
#line 2081 "build0/grammar/skl.tab.c"
    break;

  case 41: /* map: "map" name "{" map_lines map_line "}"  */
#line 179 "grammar/skl.y"
                                                                { (yyval.item) = ast_map(p, (yyloc), (yyvsp[-4].name), ast_lines_add(p, (yyvsp[-2].lines), (yyvsp[-1].line))); }
#line 2087 "build0/grammar/skl.tab.c"
    break;

  case 42: /* map: "map" name "{" map_lines error "}"  */
#line 180 "grammar/skl.y"
                                                        { (yyval.item) = ast_map(p, (yyloc), (yyvsp[-4].name), (yyvsp[-2].lines)); }
#line 2093 "build0/grammar/skl.tab.c"
    break;

  case 43: /* map_lines: %empty  */
#line 184 "grammar/skl.y"
                { (yyval.lines) = ast_lines(p); }
#line 2099 "build0/grammar/skl.tab.c"
    break;

  case 45: /* map_lines: map_lines map_line "the end of the statement"  */
#line 186 "grammar/skl.y"
                                        { (yyval.lines) = ast_lines_add(p, (yyvsp[-2].lines), (yyvsp[-1].line)); }
#line 2105 "build0/grammar/skl.tab.c"
    break;

  case 46: /* map_lines: map_lines error "the end of the statement"  */
#line 187 "grammar/skl.y"
                                { yyerrok; }
#line 2111 "build0/grammar/skl.tab.c"
    break;

  case 47: /* map_line: "type" types ":" name  */
#line 191 "grammar/skl.y"
                                { (yyval.line) = ast_type_line((yyloc), ast_types_verdict((yyvsp[-2].types), (yyvsp[0].name))); }
#line 2117 "build0/grammar/skl.tab.c"
    break;

  case 48: /* map_line: "elements" "=" elements  */
#line 192 "grammar/skl.y"
                                        { (yyval.line) = ast_elements_line((yyloc), (yyvsp[0].elements)); }
#line 2123 "build0/grammar/skl.tab.c"
    break;

  case 49: /* map_line: "file" string  */
#line 193 "grammar/skl.y"
                                { (yyval.line) = ast_name_line(LINE_FILE, (yyloc), (yyvsp[0].name)); }
#line 2129 "build0/grammar/skl.tab.c"
    break;

  case 50: /* types: name  */
#line 197 "grammar/skl.y"
                { (yyval.types) = ast_types(p, (yyvsp[0].name)); }
#line 2135 "build0/grammar/skl.tab.c"
    break;

  case 51: /* types: types "." name  */
#line 198 "grammar/skl.y"
                        { (yyval.types) = ast_types_add(p, (yyvsp[-2].types), (yyvsp[0].name)); }
#line 2141 "build0/grammar/skl.tab.c"
    break;

  case 52: /* elements: "{" "}"  */
#line 202 "grammar/skl.y"
                                { (yyval.elements) = ast_elements_close(ast_elements(p), (yyloc)); }
#line 2147 "build0/grammar/skl.tab.c"
    break;

  case 53: /* elements: "{" element_list "}"  */
#line 203 "grammar/skl.y"
                                                { (yyval.elements) = ast_elements_close((yyvsp[-1].elements), (yyloc)); }
#line 2153 "build0/grammar/skl.tab.c"
    break;

  case 54: /* elements: "{" element_list "," "}"  */
#line 204 "grammar/skl.y"
                                                        { (yyval.elements) = ast_elements_close((yyvsp[-2].elements), (yyloc)); }
#line 2159 "build0/grammar/skl.tab.c"
    break;

  case 55: /* element_list: element_key ":" simple_verdict  */
#line 208 "grammar/skl.y"
                                                { (yyval.elements) = ast_elements_add(p, ast_elements(p), (yyloc), (yyvsp[-2].keys), (yyvsp[0].verdict)); }
#line 2165 "build0/grammar/skl.tab.c"
    break;

  case 56: /* element_list: element_list "," element_key ":" simple_verdict  */
#line 209 "grammar/skl.y"
                                                                { (yyval.elements) = ast_elements_add(p, (yyvsp[-4].elements), span_join((yylsp[-2]), (yylsp[0])), (yyvsp[-2].keys), (yyvsp[0].verdict)); }
#line 2171 "build0/grammar/skl.tab.c"
    break;

  case 57: /* element_key: value  */
#line 213 "grammar/skl.y"
                { (yyval.keys) = ast_keys(p, (yyvsp[0].value)); }
#line 2177 "build0/grammar/skl.tab.c"
    break;

  case 58: /* element_key: element_key "." value  */
#line 214 "grammar/skl.y"
                                { (yyval.keys) = ast_keys_add(p, (yyvsp[-2].keys), (yyvsp[0].value)); }
#line 2183 "build0/grammar/skl.tab.c"
    break;

  case 59: /* socket: "socket" name "{" socket_lines "}"  */
#line 218 "grammar/skl.y"
                                                        { (yyval.item) = ast_socket(p, (yyloc), (yyvsp[-3].name), (yyvsp[-1].lines)); }
#line 2189 "build0/grammar/skl.tab.c"
    break;

  case 60: /* socket: "socket" name "{" socket_lines socket_line "}"  */
#line 219 "grammar/skl.y"
                                                                        { (yyval.item) = ast_socket(p, (yyloc), (yyvsp[-4].name), ast_lines_add(p, (yyvsp[-2].lines), (yyvsp[-1].line))); }
#line 2195 "build0/grammar/skl.tab.c"
    break;

  case 61: /* socket: "socket" name "{" socket_lines error "}"  */
#line 220 "grammar/skl.y"
                                                                { (yyval.item) = ast_socket(p, (yyloc), (yyvsp[-4].name), (yyvsp[-2].lines)); }
#line 2201 "build0/grammar/skl.tab.c"
    break;

  case 62: /* socket_lines: %empty  */
#line 224 "grammar/skl.y"
                { (yyval.lines) = ast_lines(p); }
#line 2207 "build0/grammar/skl.tab.c"
    break;

  case 64: /* socket_lines: socket_lines socket_line "the end of the statement"  */
#line 226 "grammar/skl.y"
                                                { (yyval.lines) = ast_lines_add(p, (yyvsp[-2].lines), (yyvsp[-1].line)); }
#line 2213 "build0/grammar/skl.tab.c"
    break;

  case 65: /* socket_lines: socket_lines error "the end of the statement"  */
#line 227 "grammar/skl.y"
                                        { yyerrok; }
#line 2219 "build0/grammar/skl.tab.c"
    break;

  case 66: /* socket_line: protocol "an address and port"  */
#line 231 "grammar/skl.y"
                                { (yyval.line) = ast_place_line(p, (yyloc), (yyvsp[-1].protocol), (yylsp[0])); }
#line 2225 "build0/grammar/skl.tab.c"
    break;

  case 67: /* socket_line: "uid" string  */
#line 232 "grammar/skl.y"
                        { (yyval.line) = ast_name_line(LINE_UID, (yyloc), (yyvsp[0].name)); }
#line 2231 "build0/grammar/skl.tab.c"
    break;

  case 68: /* socket_line: "uid" "a number"  */
#line 233 "grammar/skl.y"
                        { (yyval.line) = ast_name_line(LINE_UID, (yyloc), ast_name(p, (yylsp[0]))); }
#line 2237 "build0/grammar/skl.tab.c"
    break;

  case 69: /* socket_line: "cgroup" string  */
#line 234 "grammar/skl.y"
                        { (yyval.line) = ast_name_line(LINE_CGROUP, (yyloc), (yyvsp[0].name)); }
#line 2243 "build0/grammar/skl.tab.c"
    break;

  case 70: /* chain: "chain" name "{" rules "}"  */
#line 238 "grammar/skl.y"
                                                { (yyval.item) = ast_chain(p, (yyloc), (yyvsp[-3].name), (yyvsp[-1].items)); }
#line 2249 "build0/grammar/skl.tab.c"
    break;

  case 71: /* chain: "chain" name "{" rules rule "}"  */
#line 239 "grammar/skl.y"
                                                        { (yyval.item) = ast_chain(p, (yyloc), (yyvsp[-4].name), ast_items_add(p, (yyvsp[-2].items), (yyvsp[-1].item))); }
#line 2255 "build0/grammar/skl.tab.c"
    break;

  case 72: /* chain: "chain" name "{" rules error "}"  */
#line 240 "grammar/skl.y"
                                                        { (yyval.item) = ast_chain(p, (yyloc), (yyvsp[-4].name), (yyvsp[-2].items)); }
#line 2261 "build0/grammar/skl.tab.c"
    break;

  case 73: /* rules: %empty  */
#line 244 "grammar/skl.y"
                { (yyval.items) = ast_items(p); }
#line 2267 "build0/grammar/skl.tab.c"
    break;

  case 75: /* rules: rules rule "the end of the statement"  */
#line 246 "grammar/skl.y"
                                { (yyval.items) = ast_items_add(p, (yyvsp[-2].items), (yyvsp[-1].item)); }
#line 2273 "build0/grammar/skl.tab.c"
    break;

  case 76: /* rules: rules error "the end of the statement"  */
#line 247 "grammar/skl.y"
                                { yyerrok; }
#line 2279 "build0/grammar/skl.tab.c"
    break;

  case 77: /* expect: "expect" protocol ends expect_interface simple_verdict  */
#line 251 "grammar/skl.y"
                                                                { (yyval.item) = ast_expect(p, (yyloc), (yyvsp[-3].protocol), (yyvsp[-2].ends), (yyvsp[-1].name), (yyvsp[0].verdict)); }
#line 2285 "build0/grammar/skl.tab.c"
    break;

  case 78: /* ends: "an address and port"  */
#line 255 "grammar/skl.y"
                        { (yyval.ends) = ast_ends((struct span){0, 0}, (yylsp[0])); }
#line 2291 "build0/grammar/skl.tab.c"
    break;

  case 79: /* ends: "->" "an address and port"  */
#line 256 "grammar/skl.y"
                        { (yyval.ends) = ast_ends((struct span){0, 0}, (yylsp[0])); }
#line 2297 "build0/grammar/skl.tab.c"
    break;

  case 80: /* ends: "an address and port" "->" "an address and port"  */
#line 257 "grammar/skl.y"
                                { (yyval.ends) = ast_ends((yylsp[-2]), (yylsp[0])); }
#line 2303 "build0/grammar/skl.tab.c"
    break;

  case 81: /* expect_interface: %empty  */
#line 261 "grammar/skl.y"
                { (yyval.name) = (struct ast_name){NULL, {0, 0}}; }
#line 2309 "build0/grammar/skl.tab.c"
    break;

  case 82: /* expect_interface: "iif" interface  */
#line 262 "grammar/skl.y"
                        { (yyval.name) = (yyvsp[0].name); }
#line 2315 "build0/grammar/skl.tab.c"
    break;

  case 83: /* expect_interface: "iifname" interface  */
#line 263 "grammar/skl.y"
                                { (yyval.name) = (yyvsp[0].name); }
#line 2321 "build0/grammar/skl.tab.c"
    break;

  case 86: /* rule: matches verdict comment  */
#line 274 "grammar/skl.y"
                                { (yyval.item) = ast_rule(p, (yyloc), (yyvsp[-2].matches), false, (yyvsp[-1].verdict), (yyvsp[0].name)); }
#line 2327 "build0/grammar/skl.tab.c"
    break;

  case 87: /* rule: matches "counter" verdict comment  */
#line 275 "grammar/skl.y"
                                        { (yyval.item) = ast_rule(p, (yyloc), (yyvsp[-3].matches), true, (yyvsp[-1].verdict), (yyvsp[0].name)); }
#line 2333 "build0/grammar/skl.tab.c"
    break;

  case 88: /* matches: %empty  */
#line 279 "grammar/skl.y"
                { (yyval.matches) = (struct ast_matches){NULL, NULL}; }
#line 2339 "build0/grammar/skl.tab.c"
    break;

  case 89: /* matches: matches match  */
#line 280 "grammar/skl.y"
                        { (yyval.matches) = ast_matches_add((yyvsp[-1].matches), (yyvsp[0].match)); }
#line 2345 "build0/grammar/skl.tab.c"
    break;

  case 90: /* match: protocol  */
#line 284 "grammar/skl.y"
                        { (yyval.match) = ast_protocol_match(p, (yylsp[0])); }
#line 2351 "build0/grammar/skl.tab.c"
    break;

  case 91: /* match: field compare values  */
#line 285 "grammar/skl.y"
                                { (yyval.match) = ast_match(p, (yyloc), (yyvsp[-2].field), (yyvsp[-1].compare), (yyvsp[0].values)); }
#line 2357 "build0/grammar/skl.tab.c"
    break;

  case 92: /* protocol: "tcp"  */
#line 289 "grammar/skl.y"
                { (yyval.protocol) = PROTOCOL_TCP; }
#line 2363 "build0/grammar/skl.tab.c"
    break;

  case 93: /* protocol: "udp"  */
#line 290 "grammar/skl.y"
                { (yyval.protocol) = PROTOCOL_UDP; }
#line 2369 "build0/grammar/skl.tab.c"
    break;

  case 95: /* field: "th" port  */
#line 296 "grammar/skl.y"
                { (yyval.field) = ast_field_spelled((yyvsp[0].field), (yyloc)); }
#line 2375 "build0/grammar/skl.tab.c"
    break;

  case 96: /* field: "ip" address  */
#line 297 "grammar/skl.y"
                        { (yyval.field) = ast_field_of_family((yyvsp[0].field), FAMILY_IPV4, (yyloc)); }
#line 2381 "build0/grammar/skl.tab.c"
    break;

  case 97: /* field: "ip6" address  */
#line 298 "grammar/skl.y"
                        { (yyval.field) = ast_field_of_family((yyvsp[0].field), FAMILY_IPV6, (yyloc)); }
#line 2387 "build0/grammar/skl.tab.c"
    break;

  case 98: /* field: "l4proto"  */
#line 299 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_L4PROTO, (yylsp[0])); }
#line 2393 "build0/grammar/skl.tab.c"
    break;

  case 99: /* field: "meta" "l4proto"  */
#line 300 "grammar/skl.y"
                        { (yyval.field) = ast_field(AST_FIELD_L4PROTO, (yyloc)); }
#line 2399 "build0/grammar/skl.tab.c"
    break;

  case 100: /* field: "meta" "nfproto"  */
#line 301 "grammar/skl.y"
                        { (yyval.field) = ast_field(AST_FIELD_NFPROTO, (yyloc)); }
#line 2405 "build0/grammar/skl.tab.c"
    break;

  case 101: /* field: "iif"  */
#line 302 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_IIF, (yylsp[0])); }
#line 2411 "build0/grammar/skl.tab.c"
    break;

  case 102: /* field: "meta" "iif"  */
#line 303 "grammar/skl.y"
                        { (yyval.field) = ast_field(AST_FIELD_IIF, (yyloc)); }
#line 2417 "build0/grammar/skl.tab.c"
    break;

  case 103: /* field: "iifname"  */
#line 304 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_IIFNAME, (yylsp[0])); }
#line 2423 "build0/grammar/skl.tab.c"
    break;

  case 104: /* field: "meta" "iifname"  */
#line 305 "grammar/skl.y"
                        { (yyval.field) = ast_field(AST_FIELD_IIFNAME, (yyloc)); }
#line 2429 "build0/grammar/skl.tab.c"
    break;

  case 107: /* address: "daddr"  */
#line 313 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_DADDR, (yylsp[0])); }
#line 2435 "build0/grammar/skl.tab.c"
    break;

  case 108: /* address: "saddr"  */
#line 314 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_SADDR, (yylsp[0])); }
#line 2441 "build0/grammar/skl.tab.c"
    break;

  case 109: /* port: "dport"  */
#line 318 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_DPORT, (yylsp[0])); }
#line 2447 "build0/grammar/skl.tab.c"
    break;

  case 110: /* port: "sport"  */
#line 319 "grammar/skl.y"
                { (yyval.field) = ast_field(AST_FIELD_SPORT, (yylsp[0])); }
#line 2453 "build0/grammar/skl.tab.c"
    break;

  case 111: /* compare: %empty  */
#line 323 "grammar/skl.y"
                { (yyval.compare) = AST_COMPARE_EQUAL; }
#line 2459 "build0/grammar/skl.tab.c"
    break;

  case 112: /* compare: "=="  */
#line 324 "grammar/skl.y"
                { (yyval.compare) = AST_COMPARE_EQUAL; }
#line 2465 "build0/grammar/skl.tab.c"
    break;

  case 113: /* compare: "!="  */
#line 325 "grammar/skl.y"
                { (yyval.compare) = AST_COMPARE_UNEQUAL; }
#line 2471 "build0/grammar/skl.tab.c"
    break;

  case 114: /* compare: "<"  */
#line 326 "grammar/skl.y"
                { (yyval.compare) = AST_COMPARE_LESS; }
#line 2477 "build0/grammar/skl.tab.c"
    break;

  case 115: /* compare: "<="  */
#line 327 "grammar/skl.y"
                        { (yyval.compare) = AST_COMPARE_LESS_EQUAL; }
#line 2483 "build0/grammar/skl.tab.c"
    break;

  case 116: /* compare: ">"  */
#line 328 "grammar/skl.y"
                { (yyval.compare) = AST_COMPARE_GREATER; }
#line 2489 "build0/grammar/skl.tab.c"
    break;

  case 117: /* compare: ">="  */
#line 329 "grammar/skl.y"
                        { (yyval.compare) = AST_COMPARE_GREATER_EQUAL; }
#line 2495 "build0/grammar/skl.tab.c"
    break;

  case 118: /* values: value  */
#line 333 "grammar/skl.y"
                { (yyval.values) = ast_single(p, (yyvsp[0].value)); }
#line 2501 "build0/grammar/skl.tab.c"
    break;

  case 119: /* values: set_name  */
#line 334 "grammar/skl.y"
                        { (yyval.values) = ast_single(p, ast_named(AST_VALUE_SET, (yyvsp[0].name), (yylsp[0]))); }
#line 2507 "build0/grammar/skl.tab.c"
    break;

  case 121: /* list: "{" "}"  */
#line 339 "grammar/skl.y"
                                { (yyval.values) = ast_list_close(ast_list(p), (yyloc)); }
#line 2513 "build0/grammar/skl.tab.c"
    break;

  case 122: /* list: "{" value_list "}"  */
#line 340 "grammar/skl.y"
                                                { (yyval.values) = ast_list_close((yyvsp[-1].values), (yyloc)); }
#line 2519 "build0/grammar/skl.tab.c"
    break;

  case 123: /* list: "{" value_list "," "}"  */
#line 341 "grammar/skl.y"
                                                { (yyval.values) = ast_list_close((yyvsp[-2].values), (yyloc)); }
#line 2525 "build0/grammar/skl.tab.c"
    break;

  case 124: /* value_list: value  */
#line 345 "grammar/skl.y"
                { (yyval.values) = ast_list_add(p, ast_list(p), (yyvsp[0].value)); }
#line 2531 "build0/grammar/skl.tab.c"
    break;

  case 125: /* value_list: value_list "," value  */
#line 346 "grammar/skl.y"
                                { (yyval.values) = ast_list_add(p, (yyvsp[-2].values), (yyvsp[0].value)); }
#line 2537 "build0/grammar/skl.tab.c"
    break;

  case 126: /* value: "an address"  */
#line 350 "grammar/skl.y"
                { (yyval.value) = ast_literal(&(yyvsp[0].literal), (yylsp[0])); }
#line 2543 "build0/grammar/skl.tab.c"
    break;

  case 127: /* value: "an address" "-" "an address"  */
#line 351 "grammar/skl.y"
                                { (yyval.value) = ast_range(p, (yyloc), &(yyvsp[-2].literal), &(yyvsp[0].literal)); }
#line 2549 "build0/grammar/skl.tab.c"
    break;

  case 128: /* value: "a number"  */
#line 352 "grammar/skl.y"
                { (yyval.value) = ast_literal(&(yyvsp[0].literal), (yylsp[0])); }
#line 2555 "build0/grammar/skl.tab.c"
    break;

  case 129: /* value: "a number" "-" "a number"  */
#line 353 "grammar/skl.y"
                                { (yyval.value) = ast_range(p, (yyloc), &(yyvsp[-2].literal), &(yyvsp[0].literal)); }
#line 2561 "build0/grammar/skl.tab.c"
    break;

  case 130: /* value: value_word  */
#line 354 "grammar/skl.y"
                        { (yyval.value) = ast_named(AST_VALUE_WORD, ast_name(p, (yylsp[0])), (yylsp[0])); }
#line 2567 "build0/grammar/skl.tab.c"
    break;

  case 131: /* value: string  */
#line 355 "grammar/skl.y"
                { (yyval.value) = ast_named(AST_VALUE_STRING, (yyvsp[0].name), (yylsp[0])); }
#line 2573 "build0/grammar/skl.tab.c"
    break;

  case 132: /* value: defined  */
#line 356 "grammar/skl.y"
                { (yyval.value) = ast_named(AST_VALUE_DEFINED, (yyvsp[0].name), (yylsp[0])); }
#line 2579 "build0/grammar/skl.tab.c"
    break;

  case 134: /* verdict: lookup map_word set_name  */
#line 361 "grammar/skl.y"
                                        { (yyval.verdict) = ast_map_verdict(p, (yyloc), (yyvsp[-2].lookup), (yyvsp[0].name), NULL); }
#line 2585 "build0/grammar/skl.tab.c"
    break;

  case 135: /* verdict: lookup map_word elements  */
#line 362 "grammar/skl.y"
                                        { (yyval.verdict) = ast_map_verdict(p, (yyloc), (yyvsp[-2].lookup), (struct ast_name){NULL, (yylsp[0])}, (yyvsp[0].elements)); }
#line 2591 "build0/grammar/skl.tab.c"
    break;

  case 138: /* lookup: field  */
#line 370 "grammar/skl.y"
                { (yyval.lookup) = ast_lookup(p, (yyvsp[0].field)); }
#line 2597 "build0/grammar/skl.tab.c"
    break;

  case 139: /* lookup: lookup "." key  */
#line 371 "grammar/skl.y"
                        { (yyval.lookup) = ast_lookup_add(p, (yyvsp[-2].lookup), (yyvsp[0].field)); }
#line 2603 "build0/grammar/skl.tab.c"
    break;

  case 141: /* key: "tcp" port  */
#line 376 "grammar/skl.y"
                        { (yyval.field) = ast_field_of_protocol((yyvsp[0].field), PROTOCOL_TCP, (yyloc)); }
#line 2609 "build0/grammar/skl.tab.c"
    break;

  case 142: /* key: "udp" port  */
#line 377 "grammar/skl.y"
                        { (yyval.field) = ast_field_of_protocol((yyvsp[0].field), PROTOCOL_UDP, (yyloc)); }
#line 2615 "build0/grammar/skl.tab.c"
    break;

  case 143: /* simple_verdict: "pass"  */
#line 381 "grammar/skl.y"
                { (yyval.verdict) = ast_verdict(p, VERDICT_PASS, (yylsp[0])); }
#line 2621 "build0/grammar/skl.tab.c"
    break;

  case 144: /* simple_verdict: "accept"  */
#line 382 "grammar/skl.y"
                { (yyval.verdict) = ast_verdict(p, VERDICT_PASS, (yylsp[0])); }
#line 2627 "build0/grammar/skl.tab.c"
    break;

  case 145: /* simple_verdict: "drop"  */
#line 383 "grammar/skl.y"
                { (yyval.verdict) = ast_verdict(p, VERDICT_DROP, (yylsp[0])); }
#line 2633 "build0/grammar/skl.tab.c"
    break;

  case 146: /* simple_verdict: "reject"  */
#line 384 "grammar/skl.y"
                { (yyval.verdict) = ast_verdict(p, VERDICT_DROP, (yylsp[0])); }
#line 2639 "build0/grammar/skl.tab.c"
    break;

  case 147: /* simple_verdict: "redirect" "to" label no_reuseport fallback  */
#line 385 "grammar/skl.y"
                                                { (yyval.verdict) = ast_redirect(p, (yyloc), (yyvsp[-2].value), (yyvsp[-1].flag), (yyvsp[0].fallback)); }
#line 2645 "build0/grammar/skl.tab.c"
    break;

  case 148: /* simple_verdict: "jump" name  */
#line 386 "grammar/skl.y"
                        { (yyval.verdict) = ast_call(p, VERDICT_JUMP, (yyloc), (yyvsp[0].name)); }
#line 2651 "build0/grammar/skl.tab.c"
    break;

  case 149: /* simple_verdict: "goto" name  */
#line 387 "grammar/skl.y"
                        { (yyval.verdict) = ast_call(p, VERDICT_GOTO, (yyloc), (yyvsp[0].name)); }
#line 2657 "build0/grammar/skl.tab.c"
    break;

  case 150: /* simple_verdict: "return"  */
#line 388 "grammar/skl.y"
                { (yyval.verdict) = ast_verdict(p, VERDICT_RETURN, (yylsp[0])); }
#line 2663 "build0/grammar/skl.tab.c"
    break;

  case 151: /* label: name  */
#line 392 "grammar/skl.y"
                { (yyval.value) = ast_named(AST_VALUE_WORD, (yyvsp[0].name), (yylsp[0])); }
#line 2669 "build0/grammar/skl.tab.c"
    break;

  case 152: /* label: defined  */
#line 393 "grammar/skl.y"
                { (yyval.value) = ast_named(AST_VALUE_DEFINED, (yyvsp[0].name), (yylsp[0])); }
#line 2675 "build0/grammar/skl.tab.c"
    break;

  case 153: /* no_reuseport: %empty  */
#line 397 "grammar/skl.y"
                { (yyval.flag) = false; }
#line 2681 "build0/grammar/skl.tab.c"
    break;

  case 154: /* no_reuseport: "no-reuseport"  */
#line 398 "grammar/skl.y"
                        { (yyval.flag) = true; }
#line 2687 "build0/grammar/skl.tab.c"
    break;

  case 155: /* fallback: %empty  */
#line 402 "grammar/skl.y"
                { (yyval.fallback) = FALLBACK_DROP; }
#line 2693 "build0/grammar/skl.tab.c"
    break;

  case 156: /* fallback: "else" "drop"  */
#line 403 "grammar/skl.y"
                        { (yyval.fallback) = FALLBACK_DROP; }
#line 2699 "build0/grammar/skl.tab.c"
    break;

  case 157: /* fallback: "else" "reject"  */
#line 404 "grammar/skl.y"
                        { (yyval.fallback) = FALLBACK_DROP; }
#line 2705 "build0/grammar/skl.tab.c"
    break;

  case 158: /* fallback: "else" "pass"  */
#line 405 "grammar/skl.y"
                        { (yyval.fallback) = FALLBACK_PASS; }
#line 2711 "build0/grammar/skl.tab.c"
    break;

  case 159: /* fallback: "else" "accept"  */
#line 406 "grammar/skl.y"
                        { (yyval.fallback) = FALLBACK_PASS; }
#line 2717 "build0/grammar/skl.tab.c"
    break;

  case 160: /* fallback: "else" "continue"  */
#line 407 "grammar/skl.y"
                        { (yyval.fallback) = FALLBACK_CONTINUE; }
#line 2723 "build0/grammar/skl.tab.c"
    break;

  case 161: /* comment: %empty  */
#line 411 "grammar/skl.y"
                { (yyval.name) = (struct ast_name){NULL, {0, 0}}; }
#line 2729 "build0/grammar/skl.tab.c"
    break;

  case 162: /* comment: "comment" string  */
#line 412 "grammar/skl.y"
                        { (yyval.name) = (yyvsp[0].name); }
#line 2735 "build0/grammar/skl.tab.c"
    break;

  case 163: /* defined: "a $name"  */
#line 418 "grammar/skl.y"
                { (yyval.name) = ast_unmarked(p, (yylsp[0])); }
#line 2741 "build0/grammar/skl.tab.c"
    break;

  case 164: /* set_name: "a @name"  */
#line 422 "grammar/skl.y"
                        { (yyval.name) = ast_unmarked(p, (yylsp[0])); }
#line 2747 "build0/grammar/skl.tab.c"
    break;

  case 165: /* string: "a text in quotes"  */
#line 426 "grammar/skl.y"
                { (yyval.name) = ast_unquoted(p, (yylsp[0])); }
#line 2753 "build0/grammar/skl.tab.c"
    break;

  case 166: /* name: value_word  */
#line 430 "grammar/skl.y"
                        { (yyval.name) = ast_name(p, (yylsp[0])); }
#line 2759 "build0/grammar/skl.tab.c"
    break;

  case 167: /* name: keyword  */
#line 431 "grammar/skl.y"
                { (yyval.name) = ast_name(p, (yylsp[0])); }
#line 2765 "build0/grammar/skl.tab.c"
    break;


#line 2769 "build0/grammar/skl.tab.c"

        default: break;
      }
    if (yychar_backup != yychar)
      YY_LAC_DISCARD ("yychar change");
  }
  /* User semantic actions sometimes alter yychar, and that requires
     that yytoken be updated with the new translation.  We take the
     approach of translating immediately before every use of yytoken.
     One alternative is translating here after every semantic action,
     but that translation would be missed if the semantic action invokes
     YYABORT, YYACCEPT, or YYERROR immediately after altering yychar or
     if it invokes YYBACKUP.  In the case of YYABORT or YYACCEPT, an
     incorrect destructor might then be invoked immediately.  In the
     case of YYERROR or YYBACKUP, subsequent parser actions might lead
     to an incorrect destructor call or verbose syntax error message
     before the lookahead is translated.  */
  YY_SYMBOL_PRINT ("-> $$ =", YY_CAST (yysymbol_kind_t, yyr1[yyn]), &yyval, &yyloc);

  YYPOPSTACK (yylen);
  yylen = 0;

  *++yyvsp = yyval;
  *++yylsp = yyloc;

  /* Now 'shift' the result of the reduction.  Determine what state
     that goes to, based on the state we popped back to and the rule
     number reduced by.  */
  {
    const int yylhs = yyr1[yyn] - YYNTOKENS;
    const int yyi = yypgoto[yylhs] + *yyssp;
    yystate = (0 <= yyi && yyi <= YYLAST && yycheck[yyi] == *yyssp
               ? yytable[yyi]
               : yydefgoto[yylhs]);
  }

  goto yynewstate;


/*--------------------------------------.
| yyerrlab -- here on detecting error.  |
`--------------------------------------*/
yyerrlab:
  /* Make sure we have latest lookahead translation.  See comments at
     user semantic actions for why this is necessary.  */
  yytoken = yychar == TOKEN_SKL_EMPTY ? YYSYMBOL_YYEMPTY : YYTRANSLATE (yychar);
  /* If not already recovering from an error, report this error.  */
  if (!yyerrstatus)
    {
      ++yynerrs;
      {
        yypcontext_t yyctx
          = {yyssp, yyesa, &yyes, &yyes_capacity, yytoken, &yylloc};
        if (yychar != TOKEN_SKL_EMPTY)
          YY_LAC_ESTABLISH;
        if (yyreport_syntax_error (&yyctx, scanner, p) == 2)
          YYNOMEM;
      }
    }

  yyerror_range[1] = yylloc;
  if (yyerrstatus == 3)
    {
      /* If just tried and failed to reuse lookahead token after an
         error, discard it.  */

      if (yychar <= TOKEN_END)
        {
          /* Return failure if at end of input.  */
          if (yychar == TOKEN_END)
            YYABORT;
        }
      else
        {
          yydestruct ("Error: discarding",
                      yytoken, &yylval, &yylloc, scanner, p);
          yychar = TOKEN_SKL_EMPTY;
        }
    }

  /* Else will try to reuse lookahead token after shifting the error
     token.  */
  goto yyerrlab1;


/*---------------------------------------------------.
| yyerrorlab -- error raised explicitly by YYERROR.  |
`---------------------------------------------------*/
yyerrorlab:
  /* Pacify compilers when the user code never invokes YYERROR and the
     label yyerrorlab therefore never appears in user code.  */
  if (0)
    YYERROR;
  ++yynerrs;

  /* Do not reclaim the symbols of the rule whose action triggered
     this YYERROR.  */
  YYPOPSTACK (yylen);
  yylen = 0;
  YY_STACK_PRINT (yyss, yyssp);
  yystate = *yyssp;
  goto yyerrlab1;


/*-------------------------------------------------------------.
| yyerrlab1 -- common code for both syntax error and YYERROR.  |
`-------------------------------------------------------------*/
yyerrlab1:
  yyerrstatus = 3;      /* Each real token shifted decrements this.  */

  /* Pop stack until we find a state that shifts the error token.  */
  for (;;)
    {
      yyn = yypact[yystate];
      if (!yypact_value_is_default (yyn))
        {
          yyn += YYSYMBOL_YYerror;
          if (0 <= yyn && yyn <= YYLAST && yycheck[yyn] == YYSYMBOL_YYerror)
            {
              yyn = yytable[yyn];
              if (0 < yyn)
                break;
            }
        }

      /* Pop the current state because it cannot handle the error token.  */
      if (yyssp == yyss)
        YYABORT;

      yyerror_range[1] = *yylsp;
      yydestruct ("Error: popping",
                  YY_ACCESSING_SYMBOL (yystate), yyvsp, yylsp, scanner, p);
      YYPOPSTACK (1);
      yystate = *yyssp;
      YY_STACK_PRINT (yyss, yyssp);
    }

  /* If the stack popping above didn't lose the initial context for the
     current lookahead token, the shift below will for sure.  */
  YY_LAC_DISCARD ("error recovery");

  YY_IGNORE_MAYBE_UNINITIALIZED_BEGIN
  *++yyvsp = yylval;
  YY_IGNORE_MAYBE_UNINITIALIZED_END

  yyerror_range[2] = yylloc;
  ++yylsp;
  YYLLOC_DEFAULT (*yylsp, yyerror_range, 2);

  /* Shift the error token.  */
  YY_SYMBOL_PRINT ("Shifting", YY_ACCESSING_SYMBOL (yyn), yyvsp, yylsp);

  yystate = yyn;
  goto yynewstate;


/*-------------------------------------.
| yyacceptlab -- YYACCEPT comes here.  |
`-------------------------------------*/
yyacceptlab:
  yyresult = 0;
  goto yyreturnlab;


/*-----------------------------------.
| yyabortlab -- YYABORT comes here.  |
`-----------------------------------*/
yyabortlab:
  yyresult = 1;
  goto yyreturnlab;


/*-----------------------------------------------------------.
| yyexhaustedlab -- YYNOMEM (memory exhaustion) comes here.  |
`-----------------------------------------------------------*/
yyexhaustedlab:
  yyerror (&yylloc, scanner, p, YY_("memory exhausted"));
  yyresult = 2;
  goto yyreturnlab;


/*----------------------------------------------------------.
| yyreturnlab -- parsing is finished, clean up and return.  |
`----------------------------------------------------------*/
yyreturnlab:
  if (yychar != TOKEN_SKL_EMPTY)
    {
      /* Make sure we have latest lookahead translation.  See comments at
         user semantic actions for why this is necessary.  */
      yytoken = YYTRANSLATE (yychar);
      yydestruct ("Cleanup: discarding lookahead",
                  yytoken, &yylval, &yylloc, scanner, p);
    }
  /* Do not reclaim the symbols of the rule whose action triggered
     this YYABORT or YYACCEPT.  */
  YYPOPSTACK (yylen);
  YY_STACK_PRINT (yyss, yyssp);
  while (yyssp != yyss)
    {
      yydestruct ("Cleanup: popping",
                  YY_ACCESSING_SYMBOL (+*yyssp), yyvsp, yylsp, scanner, p);
      YYPOPSTACK (1);
    }
#ifndef yyoverflow
  if (yyss != yyssa)
    YYSTACK_FREE (yyss);
#endif
  if (yyes != yyesa)
    YYSTACK_FREE (yyes);

  return yyresult;
}

#line 445 "grammar/skl.y"


struct span rhs_span(int count, const struct span *parts)
{
	struct span span = {0, 0};
	int i;

	if (!count)
		return (struct span){parts[0].end, parts[0].end};
	span.first = span.end = parts[1].first;
	for (i = 1; i <= count; i++) {
		if (parts[i].first == parts[i].end)
			continue;
		if (span.first == span.end)
			span.first = parts[i].first;
		span.end = parts[i].end;
	}
	return span;
}

/* The last token; tokens are numbered in order of declaration from the first that is no character. */
enum { TOKEN_FIRST = TOKEN_START_RULES, TOKEN_LAST = YYMAXUTOK };

const char *skl_word(int token)
{
	return yysymbol_name(YYTRANSLATE(token));
}

int skl_keyword(const char *text, size_t length)
{
	const char *word;
	int token;

	for (token = TOKEN_DEFINE; token <= TOKEN_LAST; token++) {
		word = skl_word(token);
		if (word[0] == text[0] && !strncmp(word, text, length) && !word[length])
			return token;
	}
	return 0;
}

static int token_of(yysymbol_kind_t symbol)
{
	int token;

	for (token = TOKEN_FIRST; token <= TOKEN_LAST; token++)
		if (YYTRANSLATE(token) == symbol)
			return token;
	return TOKEN_END;
}

static int yyreport_syntax_error(const yypcontext_t *context, void *scanner, struct parser *p)
{
	yysymbol_kind_t symbols[YYNTOKENS];
	int expected[YYNTOKENS];
	int count = yypcontext_expected_tokens(context, symbols, YYNTOKENS), i;

	(void)scanner;
	for (i = 0; i < count; i++)
		expected[i] = token_of(symbols[i]);
	syntax_error(p, *yypcontext_location(context), token_of(yypcontext_token(context)),
		     expected, (size_t)(count < 0 ? 0 : count));
	return 0;
}

/* Bison's own words: only that its stack is full, which left recursion keeps from happening. */
static void skl_error(struct span *span, void *scanner, struct parser *p, const char *message)
{
	(void)scanner;
	diag_error(p->diag, *span, "%s", message);
}

int skl_run(struct parser *p)
{
	void *scanner;
	int result;

	if (skl_lex_init_extra(p, &scanner))
		return 2;
	result = skl_parse(scanner, p);
	skl_lex_destroy(scanner);
	return result;
}
