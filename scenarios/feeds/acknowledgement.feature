# language: zh-CN
功能: 对来文的应答
  负责人: 平台接口组

  @接口-HIS-ORD @REQ-FEED-008 @id-feed-lis-refuses
  场景大纲: LIS 对不能处理的报文给出拒绝应答
    当 测试端以HIS身份向LIS发送“<报文>”
    那么 5秒内“LIS”对该报文的应答应为“<代码>”，控制号与来文一致

    例子:
      | 报文               | 代码 |
      | 不支持的事件       | AR   |
      | 没有患者号的登记   | AE   |
      | 不支持的申请控制码 | AE   |
      | 申请控制码DC       | AE   |
      | 申请控制码HD       | AE   |
      | 申请控制码RL       | AE   |
      | 申请控制码RP       | AE   |
      | 申请控制码SC       | AE   |
      | 申请控制码SN       | AE   |
      | 申请控制码XO       | AE   |
      | 申请控制码UA       | AE   |

  @接口-HIS-ORD @REQ-FEED-061 @id-feed-refusal-text
  场景: 拒绝的说明是中文时也完整可读
    当 测试端以HIS身份向LIS发送“中文的申请控制码”
    那么 5秒内LIS的拒绝说明应写全该控制码

  @接口-LIS-ORU @REQ-FEED-018 @id-feed-his-refuses
  场景大纲: HIS 对不能处理的报文给出拒绝应答
    当 测试端以LIS身份向HIS发送“<报文>”
    那么 5秒内“HIS”对该报文的应答应为“<代码>”，控制号与来文一致

    例子:
      | 报文             | 代码 |
      | 不支持的报文     | AR   |
      | 没有标本号的结果 | AE   |

  @接口-HIS-ORD @REQ-FEED-006 @id-feed-lis-answers
  场景: LIS 应答的控制号与来文一致
    当 测试端以HIS身份向LIS发送“登记”
    那么 5秒内“LIS”对该报文的应答应为“AA”，控制号与来文一致
    而且 5秒内LIS中应有测试端登记的患者

  @接口-LIS-ORU @REQ-FEED-016 @id-feed-his-answers
  场景: HIS 应答的控制号与来文一致
    假如 患者“甲”已在HIS入院
    而且 患者“甲”的标本“管1”已有检验申请:
      | 项目 |
      | K    |
    当 测试端以LIS身份向HIS发送标本“管1”的结果:
      | 项目 | 结果 |
      | K    | 随机 |
    那么 5秒内“HIS”对该报文的应答应为“AA”，控制号与来文一致
