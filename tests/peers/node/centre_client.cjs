// A hospital on node's own http, https and crypto: settles one visit with a centre, or calls a
// local bridge. Nothing of the project's code is in it; every line out is one JSON object.
//
//   node centre_client.cjs URL CA_FILE|- bridge|centre PERSON_JSON
'use strict'
const crypto = require('node:crypto')
const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')

const [url, ca, mode, personText] = process.argv.slice(2)
const person = JSON.parse(personText)
const code = 'H43010019001'
const secure = url.startsWith('https:')
const agent = secure
  ? new https.Agent({ keepAlive: true, ca: fs.readFileSync(ca) })
  : new http.Agent({ keepAlive: true })

let sequence = 0
const two = (n) => String(n).padStart(2, '0')
function clock () {
  const at = new Date(Date.now() + 8 * 3600 * 1000)
  const day = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`
}

function signed (infno) {
  const headers = {
    _api_access_key: 'medharness-ak',
    _api_name: infno,
    _api_timestamp: String(Date.now()),
    _api_version: '1.0.0'
  }
  const text = Object.keys(headers).sort().map((key) => `${key}=${headers[key]}`).join('&')
  headers._api_signature = crypto.createHmac('sha1', 'medharness-sk').update(text).digest('base64')
  return headers
}

function envelope (infno, input) {
  const now = clock()
  sequence += 1
  return {
    infno, msgid: `${code}${now.replace(/\D/g, '')}${String(sequence).padStart(4, '0')}`,
    mdtrtarea_admvs: '430100', insuplc_admdvs: '430100', recer_sys_code: 'MBS_LOCAL',
    dev_no: '', dev_safe_info: '', cainfo: '', signtype: '', infver: 'V1.0', opter_type: '1',
    opter: '0001', opter_name: '收费员甲', inf_time: now, fixmedins_code: code,
    fixmedins_name: '示例市第一医院', sign_no: '', input
  }
}

function post (target, headers, body) {
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(
      target, { method: 'POST', agent, headers: { 'Content-Type': 'application/json', ...headers } },
      (response) => {
        const parts = []
        response.on('data', (part) => parts.push(part))
        response.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
      })
    request.on('error', reject)
    request.end(body)
  })
}

async function ask (infno, input) {
  let answer
  if (mode === 'bridge') {
    const call = JSON.stringify({ insuplc_admdvs: '430100', input: JSON.stringify(input) })
    const text = JSON.parse(await post(`${url}Node_${infno}`, {}, JSON.stringify(call)))
    if (typeof text !== 'string') throw new Error(`no string inside the string: ${infno}`)
    answer = JSON.parse(text)
  } else {
    answer = JSON.parse(await post(url, signed(infno), JSON.stringify(envelope(infno, input))))
  }
  console.log(JSON.stringify({ infno, infcode: answer.infcode, err_msg: answer.err_msg }))
  if (answer.infcode !== 0) process.exit(1)
  return answer.output
}

async function main () {
  const card = {
    mdtrt_cert_type: '02', mdtrt_cert_no: person.certno, psn_cert_type: '01', certno: person.certno
  }
  const who = (await ask('1101', { data: { ...card, psn_name: person.psn_name } })).baseinfo
  const now = clock()
  const visit = await ask('2201', {
    data: {
      ...card, psn_no: who.psn_no, insutype: '310', psn_type: '11', psn_name: who.psn_name,
      begntime: now, ipt_otp_no: 'N1', dept_code: 'A01', dept_name: '内科', caty: 'A03.01'
    }
  })
  const keys = { mdtrt_id: visit.data.mdtrt_id, psn_no: who.psn_no }
  await ask('2203', {
    mdtrtinfo: { ...keys, med_type: '11', begntime: now, dise_codg: 'J06.900', dise_name: '上感' },
    diseinfo: [{
      diag_type: '1', diag_srt_no: 1, diag_code: 'J06.900', diag_name: '上感', diag_dept: 'A01',
      dise_dor_no: 'D1', dise_dor_name: '医生甲', diag_time: now, vali_flag: '1'
    }]
  })
  const rows = (await ask('2204', {
    feedetail: [{
      ...keys, feedetl_sn: '1', chrg_bchno: 'B1', rx_circ_flag: '0', fee_ocur_time: now,
      med_list_codg: 'MHD0000000001', medins_list_codg: 'Y1', hosp_appr_flag: '0',
      det_item_fee_sumamt: 1000, cnt: 20, pric: 50, bilg_dept_codg: 'A01', bilg_dept_name: '内科',
      bilg_dr_codg: 'D1', bilg_dr_name: '医生甲'
    }]
  })).result
  const settle = {
    data: {
      ...card, ...keys, med_type: '11', medfee_sumamt: 1000, psn_setlway: '01', chrg_bchno: 'B1',
      insutype: '310', psn_type: '11', psn_name: who.psn_name, acct_used_flag: '1',
      fulamt_ownpay_amt: rows[0].fulamt_ownpay_amt,
      overlmt_selfpay: 0, preselfpay_amt: rows[0].preselfpay_amt,
      inscp_scp_amt: rows[0].inscp_scp_amt
    }
  }
  await ask('2206', settle)
  const done = (await ask('2207', settle)).setlinfo
  console.log(JSON.stringify({ setl_id: done.setl_id, medins_setl_id: done.medins_setl_id }))
  await ask('2208', { data: { ...keys, setl_id: done.setl_id } })
  agent.destroy()
}

main().catch((error) => { console.error(String(error)); process.exit(2) })
