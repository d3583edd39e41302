# language: zh-CN
@接口-LIS-HL7
功能: 各型 HL7 检验仪器接入 LIS
  负责人: 检验接口组
  迈瑞、罗氏、新产业、万孚的仪器各说各的 HL7；LIS 按对照表还原项目、单位、小数位与时间。

  @REQ-LAB-060 @冒烟 @id-lab-hl7-models
  场景大纲: 各型 HL7 仪器的结果原样入库
    假如 LIS已为检验设备“<型号>”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“<型号>”的项目
    当 检验设备“<型号>”上传标本“管1”的结果
    那么 5秒内LIS中标本“管1”的结果应与检验设备“<型号>”所测一致

    例子:
      | 型号                  |
      | autobio-a1000         |
      | cepheid-genexpert-hl7 |
      | dirui-bf6900          |
      | edan-i15              |
      | mindray-bs            |
      | mindray-bs200         |
      | mindray-bc            |
      | roche-cobas-law       |
      | snibe-maglumi-hl7     |
      | wondfo-finecare       |

  @REQ-LAB-061 @id-lab-hl7-quality-control
  场景大纲: HL7 仪器的质控结果进入质控库，不进入患者结果
    假如 LIS已为检验设备“<型号>”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“<型号>”的项目
    当 检验设备“<型号>”上传标本“管1”的结果
    而且 检验设备“<型号>”上传质控品“批号1”的结果
    那么 5秒内LIS的质控结果中应有检验设备“<型号>”的质控品“批号1”
    而且 1秒内LIS中检验设备“<型号>”的质控品“批号1”不应成为患者结果，而标本“管1”的结果可见

    例子:
      | 型号              |
      | dirui-bf6900      |
      | edan-i15          |
      | mindray-bs        |
      | mindray-bc        |
      | snibe-maglumi-hl7 |
      | wondfo-finecare   |

  @REQ-LAB-062 @id-lab-hl7-device-query
  场景大纲: HL7 仪器按条码查询，读到该管的待做项目
    假如 LIS已为检验设备“<型号>”设置驱动
    而且 患者“甲”的标本“管1”已申请检验设备“<型号>”的项目
    而且 患者“乙”的标本“管2”已申请检验设备“<型号>”的项目
    当 检验设备“<型号>”查询标本“管1”的申请
    那么 1秒内检验设备“<型号>”收到的申请应为标本“管1”的全部项目

    例子:
      | 型号            |
      | mindray-bs      |
      | mindray-bc      |
      | roche-cobas-law |
