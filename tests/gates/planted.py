"""Secrets of many kinds, made up at test time, and things that only look like them.

No line here is itself a credential or has the shape of one: prefixes are put together from parts and bodies are
drawn from a seeded generator.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
ALNUM = UPPER + LOWER + DIGITS
HEX = DIGITS + "abcdef"
URL64 = ALNUM + "-_"


class Draw:
    """Draws texts of given alphabets; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, alphabet: str, length: int) -> str:
        text = "".join(self._random.choice(alphabet) for _ in range(length))
        return text if length < 8 or any(c.isdigit() for c in text) or DIGITS[0] not in alphabet else "7" + text[1:]


def _pem(kind: str) -> Callable[[Draw], str]:
    def make(draw: Draw) -> str:
        body = "\n".join(draw(ALNUM + "+/", 64) for _ in range(12))
        return f"-----{'BEGIN'} {kind}PRIVATE {'KEY'}-----\n{body}\n-----{'END'} {kind}PRIVATE {'KEY'}-----"

    return make


def _jwt(draw: Draw) -> str:
    encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")  # noqa: E731
    payload = {"iss": "supabase", "ref": draw(LOWER, 20), "role": "service_role", "iat": 1690000000, "exp": 2005000000}
    return ".".join(["ey" + encode({"alg": "HS256", "typ": "JWT"})[2:], "ey" + encode(payload)[2:], draw(URL64, 43)])


SHAPED: dict[str, Callable[[Draw], str]] = {
    "aws access key": lambda d: "AK" + "IA" + d(UPPER + "234567", 16),
    "aws session key": lambda d: "AS" + "IA" + d(UPPER + "234567", 16),
    "github classic": lambda d: "gh" + "p_" + d(ALNUM, 36),
    "github oauth": lambda d: "gh" + "o_" + d(ALNUM, 36),
    "github server": lambda d: "gh" + "s_" + d(ALNUM, 36),
    "github fine-grained": lambda d: "github" + "_pat_" + d(ALNUM, 22) + "_" + d(ALNUM, 59),
    "gitlab": lambda d: "gl" + "pat-" + d(ALNUM, 20),
    "notion old": lambda d: "sec" + "ret_" + d(ALNUM, 43),
    "notion new": lambda d: "nt" + "n_" + d(ALNUM, 46),
    "digitalocean": lambda d: "do" + "p_v1_" + d(HEX, 64),
    "slack bot": lambda d: "xo" + "xb-" + d(DIGITS, 12) + "-" + d(DIGITS, 12) + "-" + d(ALNUM, 24),
    "slack webhook": lambda d: (
        "https://hooks.slack" + ".com/services/T" + d(UPPER, 8) + "/B" + d(UPPER, 8) + "/" + d(ALNUM, 24)
    ),
    "stripe live": lambda d: "sk" + "_live_" + d(ALNUM, 24),
    "stripe restricted": lambda d: "rk" + "_live_" + d(ALNUM, 24),
    "google api": lambda d: "AI" + "za" + d(URL64, 35),
    "google oauth": lambda d: "GOC" + "SPX-" + d(ALNUM, 28),
    "openai project": lambda d: "sk-" + "proj-" + d(ALNUM, 74) + "T3Blb" + "kFJ" + d(ALNUM, 74),
    "openai old": lambda d: "sk-" + d(ALNUM, 20) + "T3Blb" + "kFJ" + d(ALNUM, 20),
    "anthropic": lambda d: "sk-" + "ant-api03-" + d(URL64, 93) + "AA",
    "sendgrid": lambda d: "S" + "G." + d(URL64, 22) + "." + d(URL64, 43),
    "twilio": lambda d: "S" + "K" + d(HEX, 32),
    "npm": lambda d: "np" + "m_" + d(ALNUM, 36),
    "pypi": lambda d: "pyp" + "i-AgEIcHlwaS5vcmc" + d(ALNUM, 90),
    "hugging face": lambda d: "h" + "f_" + d(UPPER + LOWER, 34),
    "docker": lambda d: "dck" + "r_pat_" + d(URL64, 27),
    "supabase secret": lambda d: "sb_" + "secret_" + d(ALNUM, 31),
    "supabase personal": lambda d: "sb" + "p_" + d(HEX, 40),
    "telegram": lambda d: "7" + d(DIGITS, 9) + ":" + "AA" + d(ALNUM, 33),
    "vault": lambda d: "hv" + "s." + d(URL64, 90),
    "azure storage": lambda d: "Account" + "Key=" + base64.b64encode(d(ALNUM, 64).encode()).decode(),
    "database url": lambda d: "postgres" + "://odoo:" + d(ALNUM, 14) + "@db.internal:5432/prod",
    "broker url": lambda d: "amqp" + "s://svc:" + d(ALNUM, 18) + "@mq.internal/vhost",
    "rsa key": _pem("RSA "),
    "ec key": _pem("EC "),
    "pkcs8 key": _pem(""),
    "ssh key": _pem("OPENSSH "),
    "shopify": lambda d: "shp" + "at_" + d(HEX, 32),
    "databricks": lambda d: "da" + "pi" + d(HEX, 32),
    "age": lambda d: "AGE-SECRET" + "-KEY-1" + d("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
}
"""Kinds that give themselves away: found wherever they stand."""

NAMED: dict[str, tuple[str, Callable[[Draw], str]]] = {
    "password": ("DB_PASSWORD", lambda d: d(ALNUM, 6) + "#" + d(ALNUM, 7)),
    "long password": ("ADMIN_PASSWORD", lambda d: d(ALNUM + "!%&=?+", 24)),
    "client secret": ("OAUTH_CLIENT_SECRET", lambda d: d(URL64, 32)),
    "hexadecimal secret": ("SESSION_SECRET", lambda d: d(HEX, 64)),
    "notion database": ("NOTION_BIR_DB_ID", lambda d: d(HEX, 32)),
    "notion database as uuid": ("NOTION_TASKS_DB_ID", lambda d: "-".join(d(HEX, n) for n in (8, 4, 4, 4, 12))),
    "supabase service key": ("SUPABASE_SERVICE_ROLE_KEY", _jwt),
    "notion token": ("NOTION_API_TOKEN", SHAPED["notion new"]),
    "github token": ("GITHUB_TOKEN", lambda d: d(HEX, 40)),
}
"""Kinds that only their name gives away: (name, value)."""

FILES: dict[str, Callable[[str, str], str]] = {
    "prod.env": lambda n, v: f"# settings\nDEBUG=0\n{n}={_inline(v)}\nLANG=C\n",
    "app.yaml": lambda n, v: f"app:\n  name: x\n  {n.lower()}: {json.dumps(v)}\n  port: 80\n",
    "apps.json": lambda n, v: json.dumps({"apps": [{"envs": [{"key": n, "scope": "RUN", "value": v}]}]}, indent=2),
    "settings.py": lambda n, v: f"import os\n\n{n} = {_python(v)}\nOTHER = os.environ['HOME']\n",
    "odoo.conf": lambda n, v: f"[options]\nworkers = 4\n{n.lower()} = {_inline(v)}\n",
    "data.xml": lambda n, v: (
        f'<odoo>\n  <record id="a">\n    <field name="{n.lower()}">{v}</field>\n  </record>\n</odoo>\n'
    ),
}


def _inline(value: str) -> str:
    return value.replace("\n", "\\n")


def _python(value: str) -> str:
    return f'"""{value}"""' if "\n" in value else f'"{value}"'


SEED_PATTERNS = ("NOTION_API_TOKEN", "NOTION_.*_DB_ID", "GITHUB_TOKEN", "SUPABASE_.*KEY", "password", "secret")

HARMLESS = {
    "requirements.txt": "pkg==1.2.3 --hash=sha256:"
    + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "package-lock.json": '{"node_modules/js-tokens": {"version": "4.0.0", "integrity": "sha512-'
    + base64.b64encode(bytes(range(64))).decode()
    + '"}}',
    "poetry.lock": '[[package]]\nname = "secretstorage"\nversion = "3.3.3"\nfiles = [{file = "a.whl", hash = "sha256:'
    + "ab12" * 16
    + '"}]',
    "ids.json": '{"id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "sha": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}',
    "placeholders.env": "DB_PASSWORD=changeme\nADMIN_PASSWORD=your-password-here\nCLIENT_SECRET=<secret>\n"
    "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nNOTION_API_TOKEN=secret_...\nAPP_SECRET=********",
    "references.yaml": "password: ${DB_PASSWORD}\nsecret: {{ vault.secret }}\nclient_secret: !vault |\n"
    "api_secret: $API_SECRET1\ngithub_token: ${{ secrets.GITHUB_TOKEN }}\nmy_secret: op://vault/item/field1\n"
    "db_password: ENC[AES256_GCM,data:abc123def456,iv:x9]\nother_secret: EV[1:abc123:def456ghi789]",
    "code.py": "password = get_password('odoo', 1)\nsecret = os.environ['APP_SECRET_2']\npassword = self.password2\n"
    "def login(password: str = None, secret=None): ...\npassword_field_2 = fields.Char('Password 2')\n"
    "self.assertEqual(password, other_password_1)\nsecret = config.get('secret_v2', default1)\n"
    "raise UserError(_('Wrong password: %s') % password)\nif password == stored_password1: pass",
    "view.xml": '<field name="password" password="True" placeholder="Your password 123"/>\n'
    '<label for="password1" string="Password 1"/>\n<t t-if="secret_1 == 2"/>\n'
    '<field name="secret">base.group_user_1</field>',
    "de.po": 'msgid "Password: at least 8 characters1"\nmsgstr "Passwort: mindestens 8 Zeichen1"',
    "docs.md": 'Set `password: <your password>` and `secret = "see below"`. The password is reset after 30d.\n'
    "password_file: /run/secrets/db_password_1\nsecret_url: https://vault.local/v1/secret/data/app1\n"
    "password_policy: min12chars3digits\nsecretName: my-app-tls-2024\npassword_changed: 2024-01-01T10:00:00Z",
    "compose.yml": "environment:\n  POSTGRES_PASSWORD: odoo\n  PASSWORD: admin\n  SECRET: test1234\n"
    "  DATABASE_URL: postgres://odoo:odoo@db:5432/odoo\n  BROKER: amqp://user:password@localhost",
    "public.pem": "-----BEGIN PUBLIC KEY-----\n"
    + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
    + "\n-----END PUBLIC KEY-----",
    "cert.pem": "-----BEGIN CERTIFICATE-----\n" + "MIIDXTCCAkWgAwIBAgIJAKoK" + "\n-----END CERTIFICATE-----",
    "ssh.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0hBq9Zk3 user@host",
    "min.js": "var secret1=function(){return e.password2},p={secret:a1b2c3d4e5,password:t.x9y8z7};"
    'this.secret="a"+b.c1d2',
    "regex.py": 'password_regex = "^(?=.*[a-z])[a-z0-9]{8,}$"\nsecret_pattern = r"[A-Z]{4}\\d{8}"',
    "sample.env": "AWS_ACCESS_KEY_ID=" + "AK" + "IAIOSFODNN7EXAMPLE\nSECRET=example-secret-value-1",
    "test.py": 'user = create(password="test1234")\nself.login("admin", secret="demo_secret_1")\n'
    'password = "odoo12345"',
    "emails.yaml": "password: john.doe1@example.org\nsecret: 192.168.10.12\npassword: 1.2.3-rc1",
}
"""File name -> content that must pass."""
