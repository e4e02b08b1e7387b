-- What is admitted, in one atomic step each. All keys begin with the tag KEYS[1], so that a cluster keeps them together.
--
--   <tag>:epoch              names the state that counts: the run of the server that made it, and what its maker chose
--   <tag>:<epoch>:c:<name>   a counter, of one budget and subject:
--     from, at               the earliest period that is known, and when it was read from the truth
--     s:<period>             what is settled, as <version>:<amount>: a copy, which a later version replaces
--     h:<period>             what is held
--   <tag>:<epoch>:r:<id>     a reservation: state (held, done, free), at, until, hold (as the truth keeps it), lines
--   <tag>:<epoch>:expiry     reservations that are held, by when that ends
--
-- A counter that is not known is never taken for one at zero: whoever asks reads it from the truth first. Every key
-- has an end, and a state is of no use to another run of the server, which may have an older copy of it.

local tag = KEYS[1]
local ask = cjson.decode(ARGV[2])
local DAY = 86400000
local STEP = 200

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local epoch = redis.call('GET', tag .. ':epoch')
local lost = not epoch or string.sub(epoch, 1, #run) ~= run
local base = lost and '' or tag .. ':' .. epoch .. ':'

local function text(number) return string.format('%.0f', number + 0) end  -- which is 0 of -0, that HINCRBY refuses

local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, text(ms)) end
end

local function counter(name) return base .. 'c:' .. name end

local function move_held(lines, sign, forget)
  for _, line in ipairs(lines) do
    local key = counter(line[1])
    redis.call('HINCRBY', key, 'h:' .. line[2], text(sign * line[3]))
    if forget then redis.call('HDEL', key, 'from') end
  end
end

-- Ends what is held. Where nobody has said what became of it (`forget`), its counters have to be read anew.
local function give_back(id, state, forget)
  local key = base .. 'r:' .. id
  local lines = redis.call('HGET', key, 'lines')
  redis.call('ZREM', base .. 'expiry', id)
  if lines then
    move_held(cjson.decode(lines), -1, forget)
    redis.call('HDEL', key, 'lines')
  end
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'state', state) end
end

local function take(id, at, hold)
  local key = base .. 'r:' .. id
  local ttl = math.max(hold['until'] - at, 0) + 2 * DAY
  redis.call('HSET', key, 'state', 'held', 'at', text(at), 'until', text(hold['until']), 'hold', hold.hold,
    'lines', cjson.encode(hold.lines))
  keep(key, ttl)
  redis.call('ZADD', base .. 'expiry', text(hold['until']), id)
  keep(base .. 'expiry', ttl)
  move_held(hold.lines, 1, false)
  for _, line in ipairs(hold.lines) do keep(counter(line[1]), ttl) end
end

local function copy(key, period, version, settled)
  local field = 's:' .. period
  local known = redis.call('HGET', key, field)
  if not known or tonumber(string.match(known, '^%d+')) < version then
    redis.call('HSET', key, field, text(version) .. ':' .. settled)
  end
end

-- What a limit's window stands at; nil if that is not known.
local function stands(limit)
  local key = counter(limit.name)
  local flat = redis.call('HGETALL', key)
  local settled, held, from, at, old = 0, 0, nil, 0, {}
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    local kind, period = string.sub(field, 1, 2), string.sub(field, 3)
    if field == 'from' then
      from = value
    elseif field == 'at' then
      at = tonumber(value)
    elseif kind == 's:' or kind == 'h:' then
      if period < limit.first then
        if kind == 's:' or value == '0' then old[#old + 1] = field end
      elseif period <= limit.period then
        if kind == 's:' then
          settled = settled + tonumber(string.match(value, ':(.*)$'))
        else
          held = held + tonumber(value)
        end
      end
    end
  end
  if not from or from > limit.first or math.abs(ask.now - at) > ask.fresh then
    redis.call('HSET', key, 'asked', '1')  -- what changes from now on is copied
    keep(key, DAY)
    return nil
  end
  if #old > 0 then
    redis.call('HDEL', key, unpack(old))
    redis.call('HSET', key, 'from', limit.first)
  end
  return {settled, held}
end

-- Returns the places of limits that are not known, or that are exceeded, and what all of them stand at.
local function weigh()
  local unknown, exceeded, sums = {}, {}, {}
  for i, limit in ipairs(ask.limits) do
    local sum = stands(limit)
    if not sum then
      unknown[#unknown + 1] = i - 1
    else
      sums[#sums + 1] = text(sum[1])
      sums[#sums + 1] = text(sum[2])
      if limit.blocking and sum[1] + sum[2] + limit.amount > limit.most then exceeded[#exceeded + 1] = i - 1 end
    end
  end
  return unknown, exceeded, sums
end

local function reserve()
  local key = base .. 'r:' .. ask.id
  local known = redis.call('HMGET', key, 'state', 'at', 'until', 'hold')
  if known[1] == 'held' or known[1] == 'done' then
    return {'known', known[1], known[2], known[3], known[4]}
  end
  local unknown, exceeded, sums = weigh()
  if #unknown > 0 then return {'unknown', unknown} end
  if #exceeded > 0 then
    local late = redis.call('ZRANGEBYSCORE', base .. 'expiry', '-inf', text(ask.now), 'LIMIT', 0, STEP)
    for _, id in ipairs(late) do give_back(id, 'free', true) end
    if #late > 0 then return {'expired'} end
    return {'denied', exceeded, sums}
  end
  local at = ask.now
  if known[2] and tonumber(known[2]) >= at then at = tonumber(known[2]) + 1 end  -- tells this life of it from the last
  if ask.hold_it then take(ask.id, at, ask) end
  return {'granted', text(at), sums}
end

local function hold()
  local known = redis.call('HMGET', base .. 'r:' .. ask.id, 'state', 'at', 'until', 'hold')
  return known[1] == 'held' and {known[2], known[3], known[4]} or {}
end

-- What the truth has come to: copies of counters, and reservations that are over.
local function follow()
  for _, each in ipairs(ask.counters) do
    local key = counter(each[1])
    if redis.call('EXISTS', key) == 1 then copy(key, each[2], each[3], each[4]) end
  end
  for _, each in ipairs(ask.over) do
    local key = base .. 'r:' .. each.id
    local at = redis.call('HGET', key, 'at')
    if at and tonumber(at) <= each.at then
      give_back(each.id, each.state, false)
    elseif not at and each.state == 'done' then  -- of another state that was lost: not to be granted anew
      redis.call('HSET', key, 'state', 'done', 'at', text(each.at), 'until', text(each['until']), 'hold', each.hold)
      keep(key, 2 * DAY)
    end
  end
  return 1
end

-- Counters, as they were just read from the truth.
local function know()
  for _, each in ipairs(ask.counters) do
    local key = counter(each.name)
    if redis.call('EXISTS', key) == 1 then
      for _, part in ipairs(each.parts) do copy(key, part[1], part[2], part[3]) end
      redis.call('HSET', key, 'from', each.first, 'at', text(ask.now))
      keep(key, 2 * DAY)
    end
  end
  return 1
end

local function expire()
  local late = redis.call('ZRANGEBYSCORE', base .. 'expiry', '-inf', text(ask.now), 'LIMIT', 0, STEP)
  for _, id in ipairs(late) do give_back(id, 'free', true) end
  return #late
end

-- Puts a state together, in steps, and lets it count with the last one, unless another has come first.
local function build()
  if not lost then return 1 end
  local name = run .. '-' .. ask.maker
  base = tag .. ':' .. name .. ':'
  for _, each in ipairs(ask.holds) do take(each.id, each.at, each) end
  if ask.last then
    redis.call('SET', tag .. ':epoch', name)
    redis.call('DEL', tag .. ':lost')
  end
  return 1
end

-- How far a lost state has come: `wait` until gateways have written down what they had granted under it, then `lost`.
local function wait()
  local key = tag .. ':lost'
  if redis.call('GET', key) ~= run then
    redis.call('SET', key, run)
    if ask.grace > 0 then redis.call('SET', key .. ':wait', run, 'PX', text(ask.grace)) end
  end
  return {redis.call('EXISTS', key .. ':wait') == 1 and 'wait' or 'lost'}
end

if ARGV[1] == 'build' then return build() end
if ARGV[1] == 'reserve' then return lost and wait() or reserve() end
if ARGV[1] == 'ready' then return lost and wait() or {'ready'} end
if lost then return {} end
if ARGV[1] == 'hold' then return hold() end
if ARGV[1] == 'follow' then return follow() end
if ARGV[1] == 'know' then return know() end
if ARGV[1] == 'expire' then return expire() end
