"""The limits' state in Valkey and every change of it: scripts, each of which runs whole or not at all.

One hash a scope (`key:12`, `release:3:user:5`) holds

- `rate` and `drained`: when a minute's worth of requests and tokens has leaked away again (ms). One
  number each is the whole state of a smooth limit that allows a burst of a minute's worth;
- `running` and `reserved`: the requests that run now and the tokens they may come to at worst;
- `day`, `day_used`, `total_used`: what was settled; `seeded`: the run of Valkey and the limit for
  which the two were compared with the database; `late`: what was settled before that.

A reservation is a record in one hash and a lease in one sorted set. Tokens move from `reserved` to
the used ones when it is settled, so that the sum of both never passes a limit, in any order of
things. The record's existence is what makes a settlement count once.
"""

import hashlib

from portal.keys.applying import SCOPE

LEASES = "gateway:leases"
RESERVATIONS = "gateway:reservations"
# Which run of Valkey this is: what was reserved under another may be lost, or restored from an old file.
RUN = "gateway:run"
LEASE_SECONDS = 30

# A scope's hash is dropped when nobody has used it for so long; the database still knows the sums.
KEPT_SECONDS = 90 * 24 * 3600

_COMMON = (
    f"""
local leases, reservations, prefix = '{LEASES}', '{RESERVATIONS}', '{SCOPE}'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local today = math.floor(now / 86400000)
local run = redis.call('GET', '{RUN}') or ''
"""
    """
-- A record: the tokens, then for each scope `name,tokens a minute,limit,is counted;`.
local function each_scope(record, act)
  for name, per_minute, limit, counted in string.gmatch(record, '([^ ,;]+),([^,;]+),([^,;]+),([01]);') do
    act(prefix .. name, tonumber(per_minute), run .. ':' .. limit, counted == '1')
  end
end

local function spend(record, used, held)
  each_scope(record, function(key, per_minute, stamp, counted)
    local kept = redis.call('HMGET', key, 'running', 'reserved', 'drained', 'day', 'day_used',
      'total_used', 'seeded', 'late')
    local changes = {}
    local function put(field, value) changes[#changes + 1] = field; changes[#changes + 1] = value end
    if held then
      put('running', math.max(0, (tonumber(kept[1]) or 0) - 1))
      put('reserved', math.max(0, (tonumber(kept[2]) or 0) - held))
    end
    if used > 0 and per_minute > 0 then
      put('drained', string.format('%.3f', math.max(now, tonumber(kept[3]) or 0) + used * 60000 / per_minute))
    end
    if used > 0 and counted and kept[7] == stamp then
      put('day', today)
      put('day_used', (tonumber(kept[4]) == today and tonumber(kept[5]) or 0) + used)
      put('total_used', (tonumber(kept[6]) or 0) + used)
    elseif used > 0 and counted then
      put('late', (tonumber(kept[8]) or 0) + used)
    end
    if #changes > 0 then redis.call('HSET', key, unpack(changes)) end
    redis.call('EXPIRE', key, """
    + str(KEPT_SECONDS)
    + """)
  end)
end

local function settle(id, record, used)
  local held = tonumber(string.match(record, '^%d+'))
  redis.call('HDEL', reservations, id)
  redis.call('ZREM', leases, id)
  spend(record, used or held, held)
end

-- Whose lease ran out died with its process; what it used is unknown, so all of it counts.
local function write_off()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 50)) do
    local record = redis.call('HGET', reservations, id)
    if record then settle(id, record) else redis.call('ZREM', leases, id) end
  end
end
"""
)

# ARGV: the run's own name is asked of Valkey. After a restart every lease begins anew.
GREET = (
    _COMMON
    + f"""
local is = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 12)
if run ~= is then
  redis.call('SET', '{RUN}', is)
  for _, id in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    redis.call('ZADD', leases, now + {LEASE_SECONDS * 1000}, id)
  end
end
"""
)

# ARGV: id, tokens, the scopes of its record, then for each scope its name, the number of its limit and
# how many requests a minute, requests at a time, tokens a minute, a day and in total (-1: no such limit).
# All scopes are looked at before the first is changed. Replies {-1, the scopes to seed…}, or {0 or which
# limit refuses (1 to 5), the tightest for requests: limit, left, reset, for tokens: the same, the run,
# and of the limit that refuses: its scope, the limit, what is left, the wait (ms; -1: waiting is in vain)}.
RESERVE = (
    _COMMON
    + """
write_off()
local id, tokens, names, first = ARGV[1], tonumber(ARGV[2]), ARGV[3], 4
local unseeded, states, worst = {}, {}, nil
local requests, budget = {-1, -1, 0}, {-1, -1, 0}
local midnight = (today + 1) * 86400000 - now

local function refuse(kind, scope, limit, left, wait)
  local weight = wait < 0 and math.huge or wait
  if not worst or weight > worst.weight then
    worst = {weight = weight, kind, scope, limit, math.max(0, left), math.ceil(wait)}
  end
end

local function tell(tightest, limit, left, reset)
  if tightest[1] < 0 or left < tightest[2] then
    tightest[1], tightest[2], tightest[3] = limit, math.max(0, left), math.ceil(reset)
  end
end

local function check(kind, scope, limit, used, reserved, wait, reset)
  if limit < 0 then return end
  local left = math.floor(limit - used - reserved)
  if tokens > limit then
    refuse(kind, scope, limit, left, -1)
  elseif tokens > 0 and tokens > left then
    -- If only reservations are in the way, they may be given back at any moment.
    refuse(kind, scope, limit, left, tokens <= limit - used and 1000 or wait)
  end
  tell(budget, limit, left, reset)
end

for at = first, #ARGV, 7 do
  local scope, key = (at - first) / 7, prefix .. ARGV[at]
  local rpm, places, tpm = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local tpd, total = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local kept = redis.call('HMGET', key, 'rate', 'drained', 'running', 'reserved', 'day', 'day_used',
    'total_used', 'seeded')
  local running, reserved = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0
  if tpd >= 0 or total >= 0 then
    if kept[8] ~= run .. ':' .. ARGV[at + 1] then unseeded[#unseeded + 1] = scope end
  elseif kept[8] then
    -- Without a budget nothing is added up; the next one begins with what the database says.
    redis.call('HDEL', key, 'seeded')
  end
  local arrival = math.max(now, tonumber(kept[1]) or 0)
  if rpm > 0 then
    local left = math.floor((60000 - arrival + now) * rpm / 60000 + 0.000001)
    if left < 1 then refuse(1, scope, rpm, 0, arrival + 60000 / rpm - 60000 - now) end
    arrival = arrival + 60000 / rpm
    tell(requests, rpm, left, math.max(0, arrival - now - (left < 1 and 60000 / rpm or 0)))
  elseif rpm == 0 then
    refuse(1, scope, 0, 0, -1)
  end
  if places >= 0 and running >= places then refuse(2, scope, places, 0, places > 0 and 1000 or -1) end
  if tpm > 0 then
    local level = math.max(0, (tonumber(kept[2]) or 0) - now) * tpm / 60000
    check(3, scope, tpm, level, reserved, (level + tokens - tpm) * 60000 / tpm, level * 60000 / tpm)
  else
    check(3, scope, tpm, 0, 0, -1, 0)
  end
  check(4, scope, tpd, tonumber(kept[5]) == today and tonumber(kept[6]) or 0, reserved, midnight, midnight)
  check(5, scope, total, tonumber(kept[7]) or 0, reserved, -1, -1)
  states[#states + 1] = {key, running + 1, reserved + tokens, string.format('%.3f', arrival)}
end

if #unseeded > 0 then return {-1, unpack(unseeded)} end
local verdict = worst and worst[1] or 0
if not worst then
  for _, state in ipairs(states) do
    redis.call('HSET', state[1], 'running', state[2], 'reserved', state[3], 'rate', state[4])
  end
  redis.call('HSET', reservations, id, tokens .. ' ' .. names)
  redis.call('ZADD', leases, now + LEASE_MS, id)
  requests[2], budget[2] = math.max(0, requests[2] - 1), math.max(0, budget[2] - tokens)
  worst = {0, 0, 0, 0, 0}
end
return {verdict, requests[1], requests[2], requests[3], budget[1], budget[2], budget[3], run,
  worst[2], worst[3], worst[4], worst[5]}
""".replace("LEASE_MS", str(LEASE_SECONDS * 1000))
)

# ARGV: for each scope its name, the number of its limit, the day (days since 1970), and the tokens that
# the database knows of that day and in total. The larger of both counts: the database may lag, and
# Valkey may come from an old file.
SEED = (
    _COMMON
    + """
for at = 1, #ARGV, 5 do
  local key, stamp = prefix .. ARGV[at], run .. ':' .. ARGV[at + 1]
  local kept = redis.call('HMGET', key, 'seeded', 'day', 'day_used', 'total_used', 'late')
  if kept[1] ~= stamp then
    local late = tonumber(kept[5]) or 0
    local day_used = tonumber(kept[2]) == today and tonumber(kept[3]) or 0
    if tonumber(ARGV[at + 2]) == today then day_used = math.max(day_used, tonumber(ARGV[at + 3])) end
    local total_used = math.max(tonumber(kept[4]) or 0, tonumber(ARGV[at + 4]))
    redis.call('HSET', key, 'seeded', stamp, 'day', today, 'day_used', day_used + late,
      'total_used', total_used + late)
    redis.call('HDEL', key, 'late')
  end
end
"""
)

# ARGV: id, tokens used (-1: unknown, so all that was reserved), the run under which it was reserved, its
# record. A record that is gone was settled before, or written off; unless Valkey lost it, and then the
# tokens are added once to what is there. Replies whether it counted.
SETTLE = (
    _COMMON
    + """
local id, used, record = ARGV[1], tonumber(ARGV[2]), ARGV[4]
local kept = redis.call('HGET', reservations, id)
if used < 0 then used = tonumber(string.match(record, '^%d+')) end
if kept then
  settle(id, kept, used)
  return 1
end
if ARGV[3] == run or not redis.call('SET', 'gateway:late:' .. id, 1, 'NX', 'EX', 3600) then return 0 end
spend(record, used, nil)
return 1
"""
)

# ARGV: for each request its id, the run under which it was reserved, its record. What Valkey lost is held
# anew, over the limit if need be: it runs. Replies the run under which all of them are held now.
RENEW = (
    _COMMON
    + """
for at = 1, #ARGV, 3 do
  local id, record = ARGV[at], ARGV[at + 2]
  if redis.call('HEXISTS', reservations, id) == 1 then
    redis.call('ZADD', leases, now + LEASE_MS, id)
  elseif ARGV[at + 1] ~= run then
    local tokens = tonumber(string.match(record, '^%d+'))
    redis.call('HSET', reservations, id, record)
    redis.call('ZADD', leases, now + LEASE_MS, id)
    each_scope(record, function(key)
      redis.call('HINCRBY', key, 'running', 1)
      redis.call('HINCRBY', key, 'reserved', tokens)
    end)
  end
end
return run
""".replace("LEASE_MS", str(LEASE_SECONDS * 1000))
)

SCRIPTS = (RESERVE, SEED, SETTLE, RENEW)


def name_of(script: str) -> str:
    """How Valkey names a script; nothing rests on SHA-1's strength."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
